// What goes wrong on purpose. A new dial needs a line in DIALS or MANNERS.

import { make, tell } from "./element.js";
import { order } from "./order.js";
import { OUTCOMES, label, placeOf } from "./outcome.js";
import { nameOf } from "./words.js";

const DIALS = [
  { words: "Outage", hint: "everything is answered 503", rule: { on: "any", status: 503 } },
  { words: "Too many requests", hint: "texts and calls are answered 429", rule: { on: "create", status: 429 } },
  { words: "Answers lost", hint: "it is done, but the answer never comes", rule: { on: "create", drop: "after" } },
  { words: "Requests lost", hint: "nothing is done, and no answer comes", rule: { on: "create", drop: "before" } },
  { words: "Slow answers", hint: "everything is answered late", rule: { on: "any" }, seconds: "latency", usual: 3 },
  { words: "Lists lag", hint: "what is new is not listed yet", rule: { on: "list" }, seconds: "lag", usual: 10 },
];
const MANNERS = [
  { words: "Late", seconds: "delay", usual: 10, off: 0 },
  { words: "Doubled", name: "copies", on: 2, off: 1 },
  { words: "In reverse order", name: "reverse", on: true, off: false },
  { words: "Dropped", name: "drop", on: true, off: false },
];

function isOf(dial, rule) {
  const wanted = { ...dial.rule, ...(dial.seconds ? { [dial.seconds]: rule[dial.seconds] } : {}) };
  const given = Object.keys(rule).filter((name) => name !== "share");
  return given.length === Object.keys(wanted).length && given.every((name) => rule[name] === wanted[name] && rule[name] !== undefined);
}

function field(words, unit, value, least, most, changed) {
  const input = make("input", { type: "number", value, min: least, max: most, step: "any", "aria-label": words, onchange: changed });
  return { input, element: make("label", { className: "field" }, input, unit) };
}

/** A number as it was typed, kept within bounds. */
function typed(input, usual) {
  const value = Number(input.value);
  if (!Number.isFinite(value) || input.value === "") return usual;
  const taken = Math.min(Math.max(value, Number(input.min)), Number(input.max));
  input.value = String(taken);
  return taken;
}

export class Dials {
  constructor(place, world) {
    this.world = world;
    this.turning = 0;
    this.rows = DIALS.map((dial) => this.#dial(dial));
    this.manners = MANNERS.map((manner) => this.#manner(manner));
    this.elsewhere = make("ul", { className: "elsewhere", hidden: true });
    this.phones = make("ul", { className: "outcomes" });
    this.others = make("ul", { className: "elsewhere" });
    this.noPhones = make("p", { className: "hint" }, "No phone yet.");
    this.well = make("button", { type: "button", className: "well", onclick: allWell }, "All well again");
    const part = (words, hint, ...children) =>
      make("section", {}, make("h3", {}, words), make("p", { className: "hint" }, hint), ...children);
    place.append(
      this.well,
      part("Requests", "Each hits as many percent of the requests as you say.", ...this.rows.map((row) => row.element), this.elsewhere),
      part("Status callbacks", "How a gateway is told what became of a text or call.", ...this.manners.map((row) => row.element)),
      part("Phones", "What becomes of what is sent there. Calls ring here first while you answer yourself.", this.noPhones, this.phones, this.others),
    );
  }

  #dial(dial) {
    const changed = () => this.#setFaults();
    const box = make("input", { type: "checkbox", role: "switch", onchange: changed });
    const share = field(`${dial.words}: percent of the requests`, "%", 100, 0.1, 100, changed);
    const seconds = dial.seconds ? field(`${dial.words}: seconds`, "s", dial.usual, 0, 86400, changed) : null;
    const hits = make("span", { className: "hits" });
    const element = make(
      "div",
      { className: "dial" },
      make("label", { className: "switch" }, box, make("span", {}, dial.words, make("small", {}, dial.hint))),
      make("div", { className: "fields" }, seconds?.element, share.element, hits),
    );
    return { dial, element, box, share: share.input, seconds: seconds?.input, hits };
  }

  #manner(manner) {
    const changed = () => this.#setManner();
    const box = make("input", { type: "checkbox", role: "switch", onchange: changed });
    const seconds = manner.seconds ? field(`${manner.words}: seconds`, "s", manner.usual, 0, 86400, changed) : null;
    const element = make(
      "div",
      { className: "dial" },
      make("label", { className: "switch" }, box, make("span", {}, manner.words)),
      make("div", { className: "fields" }, seconds?.element),
    );
    return { manner, element, box, seconds: seconds?.input };
  }

  #setFaults() {
    const rules = this.rows.filter((row) => row.box.checked).map(({ dial, share, seconds }) => {
      const rule = { ...dial.rule };
      if (seconds) rule[dial.seconds] = typed(seconds, dial.usual);
      const percent = typed(share, 100);
      return percent < 100 ? { ...rule, share: percent / 100 } : rule;
    });
    this.#turn("faults", order("PUT", "faults", [...rules, ...this.#others()]));
  }

  /** Leave the dials as they were turned until the simulator has answered. */
  async #turn(section, ordered) {
    this.turning += 1;
    const answer = await ordered;
    this.turning -= 1;
    if (answer) this.world[section] = answer;
    this.render();
  }

  #others() {
    return this.world.faults.rules.filter((rule) => !DIALS.some((dial) => isOf(dial, rule)));
  }

  #setManner() {
    const manner = Object.fromEntries(
      this.manners.map(({ manner: each, box, seconds }) => [
        each.seconds ?? each.name,
        box.checked ? (seconds ? typed(seconds, each.usual) : each.on) : each.off,
      ]),
    );
    this.#turn("callbacks", order("POST", "callbacks", manner));
  }

  /** How many dials are not at rest. */
  get inForce() {
    const { faults, callbacks, outcomes } = this.world;
    const manners = MANNERS.filter((each) => callbacks && callbacks[each.seconds ?? each.name] !== each.off);
    const chosen = Object.values(outcomes ?? {}).filter((outcome) => placeOf(outcome) !== 0);
    return (faults?.rules.length ?? 0) + manners.length + chosen.length;
  }

  render() {
    if (this.turning) return;
    this.well.disabled = !this.inForce;
    if (this.world.faults) this.#renderFaults(this.world.faults);
    if (this.world.callbacks) this.#renderManner(this.world.callbacks);
    this.#renderPhones();
    this.#renderOthers();
  }

  #renderFaults({ rules, seen, hits }) {
    for (const row of this.rows) {
      const place = rules.findIndex((rule) => isOf(row.dial, rule));
      row.box.checked = place >= 0;
      row.element.classList.toggle("on", place >= 0);
      tell(row.hits, place >= 0 ? `hit ${hits[place]} of ${seen[place]}` : "");
      if (place < 0) continue;
      put(row.share, +((rules[place].share ?? 1) * 100).toFixed(3));
      if (row.seconds) put(row.seconds, rules[place][row.dial.seconds]);
    }
    const others = rules.map((rule, place) => ({ rule, place })).filter(({ rule }) => !DIALS.some((dial) => isOf(dial, rule)));
    this.elsewhere.hidden = !others.length;
    this.elsewhere.replaceChildren(
      ...others.map(({ rule, place }) =>
        make("li", {}, "Set elsewhere: ", make("code", {}, JSON.stringify(rule)), ` hit ${hits[place]} of ${seen[place]}`),
      ),
    );
  }

  #renderManner(callbacks) {
    for (const { manner, box, seconds, element } of this.manners) {
      const value = callbacks[manner.seconds ?? manner.name];
      box.checked = value !== manner.off;
      element.classList.toggle("on", box.checked);
      if (seconds && box.checked) put(seconds, value);
    }
  }

  #renderPhones() {
    this.noPhones.hidden = this.world.phones.size > 0;
    for (const [address, phone] of this.world.phones) {
      const row = this.phones.querySelector(`[data-number="${CSS.escape(address)}"]`) ?? this.#phone(address);
      tell(row.querySelector("span"), nameOf(phone));
      const select = row.querySelector("select");
      const outcome = this.world.outcome(address);
      const place = placeOf(outcome);
      select.setAttribute("aria-label", `What becomes of what is sent to ${nameOf(phone)}`);
      select.options[select.options.length - 1].hidden = place >= 0;
      if (document.activeElement !== select) select.value = String(place);
      row.classList.toggle("on", place !== 0);
    }
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

  #phone(address) {
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

function put(input, value) {
  if (document.activeElement !== input) input.value = String(value);
}

/** Have nothing go wrong any more. */
export function allWell() {
  order("DELETE", "faults");
  order("DELETE", "outcomes");
  order("POST", "callbacks", {});
}
