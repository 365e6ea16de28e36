// The phones side by side, or one at a time where there is no room; and a way to add one.

import { icon, make, tell } from "./element.js";
import { announce } from "./notice.js";
import { order } from "./order.js";
import { PhoneView } from "./phone.js";
import { mark, walkable } from "./tabs.js";
import { nameOf, number, plural } from "./words.js";

const LONGEST = 160; // characters of a text that are announced
const SETTLED = 120; // milliseconds after which a swipe is over
const MOST_ANNOUNCED = 3; // at once

export class Shelf {
  constructor(place, world, speak) {
    this.world = world;
    this.speak = speak;
    this.views = new Map();
    this.fresh = new Set();
    this.tabs = make("div", { className: "people", role: "tablist", "aria-label": "Phones" });
    walkable(this.tabs);
    this.row = make("div", { className: "row" });
    this.more = make("p", { className: "more", hidden: true });
    this.row.append(this.#adder());
    this.row.addEventListener("scroll", () => {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.#markNearest(), SETTLED);
    });
    place.append(this.tabs, this.row, this.more);
  }

  #adder() {
    const to = make("input", { type: "tel", required: true, placeholder: "+12065550100", "aria-label": "Number", autocomplete: "off" });
    const name = make("input", { type: "text", placeholder: "Name", "aria-label": "Name", dir: "auto", autocomplete: "off" });
    const form = make(
      "form",
      { className: "adder" },
      make("h2", {}, "Add a phone"),
      make("p", {}, "Phones appear here when something is sent to them."),
      to,
      name,
      make("button", { type: "submit" }, icon("plus"), "Add phone"),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const added = await order("POST", "phones", { number: to.value, name: name.value });
      if (added) form.reset();
      if (added) this.wanted = added.number;
    });
    return form;
  }

  /** Tell of texts that came while the page was open. */
  note(fresh) {
    for (const entry of fresh) {
      this.views.get(entry.phone)?.note(entry);
      if (!entry.theirs && !this.#isChosen(entry.phone)) this.fresh.add(entry.phone);
    }
    for (const entry of fresh.slice(-MOST_ANNOUNCED)) {
      const phone = this.world.phones.get(entry.phone);
      if (entry.kind === "text" && !entry.theirs) {
        announce(`${nameOf(phone)} gets a text from ${number(entry.ours)}: ${entry.body.slice(0, LONGEST)}`);
      } else if (entry.kind === "call" && !entry.theirs) {
        announce(`${number(entry.ours)} calls ${nameOf(phone)}`);
      }
    }
  }

  render() {
    const adder = this.row.lastChild;
    for (const [address, phone] of this.world.phones) {
      if (!this.views.has(address)) this.#add(address, phone, adder);
    }
    for (const [address, view] of this.views) {
      view.render();
      const tab = this.#tab(address);
      tell(tab, nameOf(view.phone));
      tab.title = nameOf(view.phone);
      tab.classList.toggle("unread", view.unread.size > 0 || this.fresh.has(address));
      tab.classList.toggle("ringing", Boolean(view.screen.isRinging));
    }
    if (!this.begun && this.views.size) this.row.scrollLeft = 0;
    this.begun ||= this.views.size > 0;
    const unshown = this.world.unshown.size;
    const { leftOut } = this.world;
    const words = [
      unshown ? `${plural(unshown, "more phone")} got something: add one by its number to see it.` : "",
      leftOut ? `${leftOut} of the texts and calls came too fast to be shown.` : "",
    ];
    tell(this.more, words.filter(Boolean).join(" "));
    this.more.hidden = !this.more.textContent;
  }

  #add(address, phone, adder) {
    const view = new PhoneView(phone, this.world, this.speak, () => this.show(address));
    const tab = make("button", { type: "button", role: "tab", dir: "auto", onclick: () => this.show(address) });
    tab.dataset.number = address;
    this.views.set(address, view);
    this.tabs.append(tab);
    this.row.insertBefore(view.element, adder);
    if (this.views.size === 1) mark(this.tabs.children, tab);
    if (address === this.wanted) requestAnimationFrame(() => this.show(address));
  }

  /** Bring one phone into sight. */
  show(address) {
    const { element } = this.views.get(address);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ behavior: calm ? "instant" : "smooth", inline: "center", block: "nearest" });
    this.#choose(address);
  }

  #tab(address) {
    return this.tabs.querySelector(`[data-number="${CSS.escape(address)}"]`);
  }

  #isChosen(address) {
    return this.#tab(address)?.getAttribute("aria-selected") === "true";
  }

  #choose(address) {
    const tab = this.#tab(address);
    this.fresh.delete(address);
    tab.classList.remove("unread");
    mark(this.tabs.children, tab);
  }

  #markNearest() {
    const middle = this.row.getBoundingClientRect().left + this.row.clientWidth / 2;
    const off = ({ element }) => {
      const { left, width } = element.getBoundingClientRect();
      return Math.abs(left + width / 2 - middle);
    };
    const [nearest] = [...this.views.values()].sort((one, other) => off(one) - off(other));
    if (nearest) this.#choose(nearest.phone.number);
  }

  /** The first phone that rings, if one does. */
  get ringing() {
    return [...this.views.values()].find((view) => view.screen.isRinging)?.phone;
  }

  tick() {
    for (const view of this.views.values()) view.tick();
  }
}
