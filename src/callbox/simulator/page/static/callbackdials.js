// How status callbacks arrive. A new manner needs a line in MANNERS.

import { dial, field, part, put, typed } from "./dial.js";
import { order } from "./order.js";

const MANNERS = [
  { words: "Late", name: "delay", seconds: true, usual: 10, off: 0 },
  { words: "Doubled", name: "copies", on: 2, off: 1 },
  { words: "In reverse order", name: "reverse", on: true, off: false },
  { words: "Dropped", name: "drop", on: true, off: false },
];

export class CallbackDials {
  /** `turn(section, ordered)` leaves all dials alone until the simulator has answered. */
  constructor(world, turn) {
    this.world = world;
    this.turn = turn;
    this.rows = MANNERS.map((each) => this.#row(each));
    const elements = this.rows.map((row) => row.element);
    this.element = part("Status callbacks", "How a program is told what became of a text or call.", ...elements);
  }

  #row(each) {
    const changed = () => this.#order();
    const seconds = each.seconds ? field(`${each.words}: seconds`, "s", each.usual, 0, 86400, changed) : null;
    return { ...dial(each.words, "", changed, seconds?.element), manner: each, seconds: seconds?.input };
  }

  #order() {
    const wanted = ({ manner: each, box, seconds }) => {
      if (!box.checked) return each.off;
      return seconds ? typed(seconds, each.usual) : each.on;
    };
    const manner = Object.fromEntries(this.rows.map((row) => [row.manner.name, wanted(row)]));
    this.turn("callbacks", order("POST", "callbacks", manner));
  }

  get inForce() {
    const { callbacks } = this.world;
    return MANNERS.filter((each) => callbacks && callbacks[each.name] !== each.off).length;
  }

  render() {
    const { callbacks } = this.world;
    if (!callbacks) return;
    for (const { manner, box, seconds, element } of this.rows) {
      const value = callbacks[manner.name];
      box.checked = value !== manner.off;
      element.classList.toggle("on", box.checked);
      if (seconds && box.checked) put(seconds, value);
    }
  }
}
