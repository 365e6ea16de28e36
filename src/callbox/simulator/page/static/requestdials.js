// What goes wrong with requests. A new dial needs a line in DIALS.

import { dial, field, part, put, typed } from "./dial.js";
import { make, tell } from "./element.js";
import { order } from "./order.js";

const DIALS = [
  { words: "Outage", hint: "everything is answered 503", rule: { on: "any", status: 503 } },
  { words: "Too many requests", hint: "texts and calls are answered 429", rule: { on: "create", status: 429 } },
  { words: "Answers lost", hint: "it is done, but the answer never comes", rule: { on: "create", drop: "after" } },
  { words: "Requests lost", hint: "nothing is done, and no answer comes", rule: { on: "create", drop: "before" } },
  { words: "Slow answers", hint: "everything is answered late", rule: { on: "any" }, seconds: "latency", usual: 3 },
  { words: "Lists lag", hint: "what is new is not listed yet", rule: { on: "list" }, seconds: "lag", usual: 10 },
];

function isOf(each, rule) {
  const wanted = { ...each.rule, ...(each.seconds ? { [each.seconds]: rule[each.seconds] } : {}) };
  const given = Object.keys(rule).filter((name) => name !== "share");
  return given.length === Object.keys(wanted).length && given.every((name) => rule[name] === wanted[name] && rule[name] !== undefined);
}

const isDialled = (rule) => DIALS.some((each) => isOf(each, rule));

export class RequestDials {
  /** `turn(section, ordered)` leaves all dials alone until the simulator has answered. */
  constructor(world, turn) {
    this.world = world;
    this.turn = turn;
    this.rows = DIALS.map((each) => this.#row(each));
    this.elsewhere = make("ul", { className: "elsewhere", hidden: true });
    const elements = this.rows.map((row) => row.element);
    this.element = part("Requests", "Each hits as many percent of the requests as you say.", ...elements, this.elsewhere);
  }

  #row(each) {
    const changed = () => this.#order();
    const share = field(`${each.words}: percent of the requests`, "%", 100, 0.1, 100, changed);
    const seconds = each.seconds ? field(`${each.words}: seconds`, "s", each.usual, 0, 86400, changed) : null;
    const hits = make("span", { className: "hits" });
    const made = dial(each.words, each.hint, changed, seconds?.element, share.element, hits);
    return { ...made, dial: each, share: share.input, seconds: seconds?.input, hits };
  }

  #order() {
    const rules = this.rows.filter((row) => row.box.checked).map(({ dial: each, share, seconds }) => {
      const rule = { ...each.rule };
      if (seconds) rule[each.seconds] = typed(seconds, each.usual);
      const percent = typed(share, 100);
      return percent < 100 ? { ...rule, share: percent / 100 } : rule;
    });
    const others = this.world.faults.rules.filter((rule) => !isDialled(rule));
    this.turn("faults", order("PUT", "faults", [...rules, ...others]));
  }

  get inForce() {
    return this.world.faults?.rules.length ?? 0;
  }

  render() {
    if (!this.world.faults) return;
    const { rules, seen, hits } = this.world.faults;
    const score = (place) => `hit ${hits[place]} of ${seen[place]}`;
    for (const row of this.rows) {
      const place = rules.findIndex((rule) => isOf(row.dial, rule));
      row.box.checked = place >= 0;
      row.element.classList.toggle("on", place >= 0);
      tell(row.hits, place >= 0 ? score(place) : "");
      if (place < 0) continue;
      put(row.share, +((rules[place].share ?? 1) * 100).toFixed(3));
      if (row.seconds) put(row.seconds, rules[place][row.dial.seconds]);
    }
    const others = rules.map((rule, place) => ({ rule, place })).filter(({ rule }) => !isDialled(rule));
    this.elsewhere.hidden = !others.length;
    this.elsewhere.replaceChildren(
      ...others.map(({ rule, place }) =>
        make("li", {}, "Set elsewhere: ", make("code", {}, JSON.stringify(rule)), ` ${score(place)}`),
      ),
    );
  }
}
