// What was asked of the simulator and what it called: newest first, each to be opened.

import { make, tell } from "./element.js";
import { moment, number } from "./words.js";

const MOST = 500;
const MAIN = {
  To: (value) => `to ${number(value)}`,
  Body: (value) => `“${apart(value)}”`,
  MediaUrl: (value) => `picture ${value}`,
  Url: (value) => value,
  Twiml: (value) => value,
  MessageStatus: (value) => value,
  CallStatus: (value) => value,
  Digits: (value) => `pressed ${value}`,
  From: (value) => `from ${number(value)}`,
};
const LONGEST = 90;

/** Words of any direction, which leave those around them where they are (Unicode UAX 9, FSI and PDI). */
const apart = (words) => `\u2068${words}\u2069`;

const trouble = (entry) => entry.trouble || entry.fault || entry.code || Number(entry.status) >= 400 || entry.status === "dropped";

/** The parameters that matter, in one line. */
function summary(params) {
  return Object.keys(MAIN)
    .filter((name) => params[name])
    .map((name) => MAIN[name](params[name].length > LONGEST ? `${params[name].slice(0, LONGEST)}…` : params[name]))
    .join("  ");
}

function tone(entry) {
  const status = Number(entry.status);
  if (entry.status === "dropped" || status >= 500 || (entry.trouble && !status)) return "bad";
  if (status >= 400 || entry.trouble) return "warn";
  return status ? "good" : "waiting";
}

export class Log {
  /** `detail(entry)` gives or fetches the pairs of name and text that an opened entry shows. */
  constructor(place, { empty, detail, filters }) {
    this.detail = detail;
    this.rows = new Map();
    this.left = 0;
    this.more = make("p", { className: "more", hidden: true });
    this.list = make("ol", { className: "rows" });
    this.empty = make("p", { className: "empty" }, empty);
    const group = make("div", { className: "filters", role: "group", "aria-label": "Show" });
    for (const [kind, words] of Object.entries(filters)) {
      group.append(make("button", { type: "button", onclick: () => this.#filter(group, kind) }, words));
      group.lastChild.dataset.kind = kind;
    }
    place.append(group, this.more, this.empty, this.list);
    this.#filter(group, Object.keys(filters)[0]);
  }

  #filter(group, kind) {
    this.list.dataset.filter = kind;
    for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
  }

  clear() {
    this.rows.clear();
    this.list.replaceChildren();
    this.left = 0;
  }

  /** Show what is new, and what has become of what was shown. */
  add(entries, left = 0) {
    for (const entry of entries) {
      const known = this.rows.get(entry.number);
      const row = known ?? this.#similar(entry) ?? this.#row();
      row.show(entry);
      this.rows.set(entry.number, row);
      if (!known) this.list.prepend(row.element);
    }
    this.left += left;
    while (this.list.children.length > MOST) this.list.lastChild.remove();
    while (this.rows.size > MOST) this.rows.delete(this.rows.keys().next().value);
    tell(this.more, `and ${this.left} more that came too fast`);
    this.more.hidden = !this.left;
    this.empty.hidden = this.list.children.length > 0;
  }

  /** The row of the same question before, asked again and again: it is counted up. */
  #similar(entry) {
    const newest = this.list.firstChild?.row;
    if (!newest || newest.element.open || entry.method !== "GET" || trouble(entry)) return null;
    const { method, path, status, fault } = newest.entry;
    const same = method === entry.method && path === entry.path && status === entry.status && !fault;
    if (same) newest.times += 1;
    return same ? newest : null;
  }

  #row() {
    const when = make("time");
    const status = make("span", { className: "status" });
    const what = make("span", { className: "what" });
    const which = make("span", { className: "which" });
    const said = make("span", { className: "said" });
    const body = make("div", { className: "detail" });
    const head = make("summary", {}, when, what, status, which, said);
    const element = make("details", {}, head, body);
    const row = { element: make("li", {}, element), times: 1 };
    row.element.row = row;
    row.show = (entry) => {
      row.entry = entry;
      tell(when, moment(entry.at));
      tell(what, entry.title + (row.times > 1 ? ` ×${row.times}` : ""));
      tell(status, String(entry.status ?? "…"));
      status.className = `status ${tone(entry)}`;
      tell(which, summary(entry.params));
      tell(said, entry.said);
      said.hidden = !entry.said;
      row.element.dataset.kind = [trouble(entry) ? "trouble" : "", entry.method === "GET" ? "" : "order"].join(" ").trim();
      if (element.open) fill();
    };
    const fill = async () => body.replaceChildren(...pairs(await this.detail(row.entry)));
    element.addEventListener("toggle", () => element.open && fill());
    return row;
  }
}

function pairs(found) {
  return Object.entries(found)
    .filter(([, text]) => text !== "" && text !== null && text !== undefined)
    .map(([name, text]) => make("div", {}, make("h3", {}, name), typeof text === "string" ? whole(text) : table(text)));
}

const whole = (text) => make("pre", { tabIndex: 0 }, pretty(text));

function table(values) {
  const rows = Object.entries(values).flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, value)]);
  return make("dl", { tabIndex: 0 }, ...rows);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
