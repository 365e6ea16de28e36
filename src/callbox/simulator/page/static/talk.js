// What was said in one conversation: its end stays in sight until somebody scrolls up.

import { bubble } from "./bubble.js";
import { make } from "./element.js";
import { number } from "./words.js";

const NEAR = 60; // pixels from the end at which new texts are followed

export class Talk {
  constructor(openCall) {
    this.openCall = openCall;
    this.scrolledTo = 0;
    this.shown = new Map();
    this.element = make("ol", { className: "talk", tabIndex: 0 });
    this.element.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.#follow()).observe(this.element);
    this.older = make("li", { className: "older", hidden: true }, "Older ones are no longer shown");
    this.begin();
  }

  /** Begin with another conversation. */
  begin() {
    this.shown.clear();
    this.element.replaceChildren(this.older);
    this.follow();
  }

  /** Have the end in sight from the next entry on. */
  follow() {
    this.follows = true;
  }

  #follow() {
    if (this.follows) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Whoever scrolls up reads what was; a picture that grows above the end is no such wish. */
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.follows = true;
    else if (scrollTop < this.scrolledTo) this.follows = false;
    this.scrolledTo = scrollTop;
  }

  /** Show the entries with a partner; `isCut`: there were older ones. */
  render(partner, entries, isCut) {
    let changed = false;
    for (const [sid, view] of this.shown) {
      if (entries.has(sid)) continue;
      view.element.remove();
      this.shown.delete(sid);
    }
    for (const [sid, entry] of entries) {
      const view = this.shown.get(sid);
      if (view?.entry === entry) continue;
      changed = true;
      if (view) view.update(entry);
      else this.#append(sid, entry);
    }
    this.element.setAttribute("aria-label", `Conversation with ${number(partner)}`);
    this.older.hidden = !isCut;
    this.element.classList.toggle("empty", !entries.size);
    if (changed) this.#follow();
  }

  #append(sid, entry) {
    const view = bubble(entry, this.openCall);
    for (const image of view.element.querySelectorAll("img")) {
      image.addEventListener("load", () => this.#follow());
    }
    this.shown.set(sid, view);
    this.element.append(view.element);
  }
}
