// The bar at the top: where the simulator listens, how it behaves, whether it is still there.

import { allWell } from "./dials.js";
import { tell } from "./element.js";
import { complain } from "./notice.js";
import { duration, nameOf, plural } from "./words.js";

const TITLE = document.title;
const at = (id) => document.getElementById(id);

export class Bar {
  constructor(world) {
    this.world = world;
    at("copy").addEventListener("click", () => copy(at("settings").textContent));
    at("faulty").querySelector("button").addEventListener("click", allWell);
  }

  connected(state) {
    const pill = at("connection");
    tell(pill, state ? "Connected" : "Connection lost: is the simulator still running? Trying again…");
    pill.classList.toggle("alarm", !state);
    pill.classList.toggle("calm", state);
  }

  render(inForce, ringing) {
    document.title = ringing ? `☎ ${nameOf(ringing)}: the phone rings` : TITLE;
    const { world } = this;
    tell(at("settings"), location.origin);
    tell(at("terms"), this.#terms().join(" · "));
    at("faulty").hidden = !inForce;
    tell(at("faulty").firstElementChild, `${plural(inForce, "fault")} in force`);
    this.#scenario(world.scenario);
  }

  #terms() {
    const { trial, pace, latency, speed, limits, numbers } = this.world;
    return [
      numbers?.length ? `number ${numbers[0].number}` : "",
      trial ? "trial account" : "full account",
      `a status every ${pace} s`,
      latency ? `answers after ${latency} s` : "",
      speed !== 1 ? `time runs ${speed} times as fast` : "",
      limits,
    ].filter(Boolean);
  }

  #scenario(scenario) {
    at("scenario").hidden = !scenario;
    if (scenario) tell(at("scenario"), `Scenario: ${scenario.name || "unnamed"} · ${this.#progress(scenario)}`);
  }

  #progress({ began_at: beganAt, lasts }) {
    if (beganAt === null) return "begins with the first request";
    return lasts ? `${duration(this.world.time() - beganAt)} of ${duration(lasts)}` : duration(this.world.time() - beganAt);
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    tell(at("copy"), "Copied");
    setTimeout(() => tell(at("copy"), "Copy"), 2000);
  } catch {
    complain("The browser does not let the page copy: mark it and copy it.");
  }
}
