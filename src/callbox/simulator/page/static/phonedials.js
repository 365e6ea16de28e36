// What becomes of what is sent to each phone.

import { part } from "./dial.js";
import { make, tell } from "./element.js";
import { order } from "./order.js";
import { OUTCOMES, label, placeOf } from "./outcome.js";
import { nameOf } from "./words.js";

export class PhoneDials {
  constructor(world) {
    this.world = world;
    this.phones = make("ul", { className: "outcomes" });
    this.others = make("ul", { className: "elsewhere" });
    this.noPhones = make("p", { className: "hint" }, "No phone yet.");
    const hint = "What becomes of what is sent there. Calls ring here first while you answer yourself.";
    this.element = part("Phones", hint, this.noPhones, this.phones, this.others);
  }

  get inForce() {
    return Object.values(this.world.outcomes ?? {}).filter((outcome) => placeOf(outcome) !== 0).length;
  }

  render() {
    this.noPhones.hidden = this.world.phones.size > 0;
    for (const [address, phone] of this.world.phones) {
      const row = this.phones.querySelector(`[data-number="${CSS.escape(address)}"]`) ?? this.#row(address);
      tell(row.querySelector("span"), nameOf(phone));
      const select = row.querySelector("select");
      const place = placeOf(this.world.outcome(address));
      select.setAttribute("aria-label", `What becomes of what is sent to ${nameOf(phone)}`);
      select.options[select.options.length - 1].hidden = place >= 0;
      if (document.activeElement !== select) select.value = String(place);
      row.classList.toggle("on", place !== 0);
    }
    this.#renderOthers();
  }

  /** Outcomes for phones that are not shown: of other numbers, or of all that begin alike. */
  #renderOthers() {
    const others = Object.entries(this.world.outcomes ?? {}).filter(
      ([whom, outcome]) => !this.world.phones.has(whom) && placeOf(outcome) !== 0,
    );
    this.others.hidden = !others.length;
    this.others.replaceChildren(
      ...others.map(([whom, outcome]) => make("li", {}, `${whom}: ${label(outcome)}`)),
    );
  }

  #row(address) {
    const select = make("select", {
      onchange: () => order("POST", "outcomes", { to: address, ...OUTCOMES[select.value]?.asks }),
    });
    const groups = new Map();
    OUTCOMES.forEach(({ group, words }, place) => {
      const option = make("option", { value: String(place) }, words);
      if (!group) return select.append(option);
      if (!groups.has(group)) {
        groups.set(group, make("optgroup", { label: group }));
        select.append(groups.get(group));
      }
      return groups.get(group).append(option);
    });
    select.append(make("option", { value: "-1", hidden: true }, "As set elsewhere"));
    const row = make("li", {}, make("span"), select);
    row.dataset.number = address;
    this.phones.append(row);
    return row;
  }
}
