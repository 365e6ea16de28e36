// What goes wrong on purpose, and the button that ends it.

import { CallbackDials } from "./callbackdials.js";
import { make } from "./element.js";
import { order } from "./order.js";
import { PhoneDials } from "./phonedials.js";
import { RequestDials } from "./requestdials.js";

export class Dials {
  constructor(place, world) {
    this.world = world;
    this.turning = 0;
    const turn = (section, ordered) => this.#turn(section, ordered);
    this.parts = [new RequestDials(world, turn), new CallbackDials(world, turn), new PhoneDials(world)];
    this.well = make("button", { type: "button", className: "well", onclick: allWell }, "All well again");
    place.append(this.well, ...this.parts.map((each) => each.element));
  }

  /** Leave the dials as they were turned until the simulator has answered. */
  async #turn(section, ordered) {
    this.turning += 1;
    const answer = await ordered;
    this.turning -= 1;
    if (answer) this.world[section] = answer;
    this.render();
  }

  /** How many dials are not at rest. */
  get inForce() {
    return this.parts.reduce((sum, each) => sum + each.inForce, 0);
  }

  render() {
    if (this.turning) return;
    this.well.disabled = !this.inForce;
    for (const each of this.parts) each.render();
  }
}

/** Have nothing go wrong any more. */
export function allWell() {
  order("DELETE", "faults");
  order("DELETE", "outcomes");
  order("POST", "callbacks", {});
}
