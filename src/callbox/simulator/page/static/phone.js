// One phone: who it is, whom it talks with, what is said, and its call.

import { CallScreen } from "./callscreen.js";
import { icon, make, tell } from "./element.js";
import { order } from "./order.js";
import { label } from "./outcome.js";
import { reply } from "./reply.js";
import { mark, walkable } from "./tabs.js";
import { Talk } from "./talk.js";
import { ENDED, initials, nameOf, number, time } from "./words.js";

const TINTS = 5;

export class PhoneView {
  constructor(phone, world, speak, onCall) {
    this.phone = phone;
    this.world = world;
    this.onCall = onCall;
    this.partner = null;
    this.unread = new Set();
    this.chips = new Map();
    this.screen = new CallScreen(speak, () => this.#closed());
    this.#build();
  }

  #build() {
    this.avatar = make("span", { className: `avatar tint-${tint(this.phone.number)}`, "aria-hidden": "true" });
    this.name = make("h2", { dir: "auto" });
    this.number = make("p", { className: "number" });
    this.clock = make("span", { className: "clock" });
    this.tag = make("p", { className: "tag", hidden: true });
    this.calling = make(
      "button",
      { type: "button", className: "plain dial", onclick: () => this.dial() },
      icon("call"),
    );
    this.tabs = make("div", { className: "chips", role: "tablist", "aria-label": "Conversations" });
    walkable(this.tabs);
    this.talk = new Talk((call) => this.#open(call));
    this.box = reply(this.phone.number, () => this.partner, () => this.talk.follow());
    this.face = make(
      "div",
      { className: "face" },
      make("header", { className: "who" }, this.avatar, make("div", {}, this.name, this.number), this.calling),
      this.tabs,
      this.tag,
      this.talk.element,
      this.box.element,
    );
    const status = make(
      "div",
      { className: "statusbar", "aria-hidden": "true" },
      this.clock,
      make("span", { className: "island" }),
      make("span", { className: "signal" }),
    );
    this.element = make(
      "article",
      { className: "phone" },
      make("div", { className: "glass" }, status, this.face, this.screen.element),
    );
    this.element.dataset.number = this.phone.number;
  }

  dial() {
    const call = { from: this.phone.number, to: this.partner, wait: false };
    order("POST", "calls", call).then((made) => {
      if (made) this.wanted = made.call.sid;
      this.render();
    });
  }

  #closed() {
    this.face.inert = false;
    this.box.focus();
  }

  /** Choose the number that it talks with. */
  choose(partner) {
    this.partner = partner;
    this.unread.delete(partner);
    this.talk.begin();
    this.render();
  }

  /** Take note of a text or call that was not known before. */
  note(entry) {
    if (entry.kind === "text" && !entry.theirs && this.partner && entry.ours !== this.partner) {
      this.unread.add(entry.ours);
    }
  }

  render() {
    const { phone, world } = this;
    const partners = world.partners(phone);
    this.partner ??= [...phone.conversations.keys()].at(-1) ?? partners[0] ?? "";
    tell(this.avatar, initials(phone));
    tell(this.name, nameOf(phone));
    this.name.title = nameOf(phone);
    tell(this.number, phone.name ? number(phone.number) : "");
    this.element.setAttribute("aria-label", `Phone of ${nameOf(phone)}`);
    this.#renderChips(partners);
    const entries = phone.conversations.get(this.partner) ?? new Map();
    this.talk.render(this.partner, entries, phone.cut.has(this.partner));
    this.#renderTag();
    const possible = world.takes(this.partner);
    this.box.allow(possible);
    this.calling.disabled = !possible || this.partner.includes(":");
    this.calling.setAttribute("aria-label", `Call ${number(this.partner)}`);
    this.#renderCall();
    this.tick();
  }

  #renderChips(partners) {
    this.tabs.hidden = partners.length < 2;
    for (const partner of partners) {
      if (this.chips.has(partner)) continue;
      const chip = make("button", { type: "button", role: "tab", onclick: () => this.choose(partner) }, number(partner));
      this.chips.set(partner, chip);
      this.tabs.append(chip);
    }
    mark(this.chips.values(), this.chips.get(this.partner));
    for (const [partner, chip] of this.chips) chip.classList.toggle("unread", this.unread.has(partner));
  }

  #renderTag() {
    const { world, phone } = this;
    const stopped = world.refuses(phone.number, this.partner);
    const chosen = label(world.outcome(phone.number));
    const words = [chosen, stopped ? "Has texted STOP: START lets texts in again" : ""];
    tell(this.tag, words.filter(Boolean).join(" · "));
    this.tag.hidden = !this.tag.textContent;
  }

  #renderCall() {
    const current = this.screen.call && this.world.calls.get(this.screen.call.sid);
    if (current && !(ENDED.has(current.status) && this.#coming())) {
      this.screen.update({ ...current, now: this.world.time() });
    } else {
      this.screen.hide();
      const coming = this.#coming();
      if (coming) this.#open(coming.sid);
    }
    this.face.inert = !this.screen.element.hidden;
    this.element.classList.toggle("ringing", Boolean(this.screen.isRinging));
  }

  /** A call that wants this phone's attention: one that rings, or that it has just made. */
  #coming() {
    for (const conversation of this.phone.conversations.values()) {
      for (const entry of conversation.values()) {
        if (entry.kind !== "call") continue;
        const rings = entry.live && entry.waits_for === "answer";
        if (rings || entry.sid === this.wanted) return entry;
      }
    }
    return null;
  }

  #open(sid) {
    const call = this.world.calls.get(sid);
    if (!call) return;
    if (sid === this.wanted) this.wanted = null;
    this.screen.open({ ...call, now: this.world.time() }, this.phone);
    this.face.inert = true;
    const focused = document.activeElement;
    if (focused !== document.body && !this.element.contains(focused)) return;
    this.onCall(this.phone.number);
    this.screen.focus(this.box.isBegun && this.box.element.contains(focused));
  }

  /** Show the time. */
  tick() {
    tell(this.clock, time(this.world.time()));
    if (this.screen.call) this.screen.tick(this.world.time());
  }
}

/** One of the colours, the same for the same number. */
function tint(address) {
  return [...address].reduce((sum, digit) => sum * 3 + digit.charCodeAt(0), 0) % TINTS;
}
