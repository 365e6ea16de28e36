// All that the page knows. It is told by the feed and asked by what is shown.

const MOST_PHONES = 24; // that appear by themselves
const MOST_ENTRIES = 300; // of a conversation
const SECTIONS = [
  ...["page", "numbers", "withdrawn", "faults", "callbacks", "outcomes", "scenario"],
  ...["now", "speed", "trial", "pace", "latency", "limits"],
];

export class World {
  constructor() {
    this.phones = new Map();
    this.calls = new Map();
    this.unshown = new Set();
    this.leftOut = 0;
  }

  /** Begin again with what a connection tells first; conversations are told anew. */
  begin(state) {
    this.calls.clear();
    this.unshown.clear();
    this.leftOut = 0;
    for (const phone of this.phones.values()) {
      phone.conversations.clear();
      phone.cut.clear();
    }
    this.learn(state);
    this.heardAt = performance.now();
  }

  /** Take in what is new; return the texts and calls that were not known before. */
  learn(news) {
    for (const name of SECTIONS) if (name in news) this[name] = news[name];
    for (const { number, name } of news.phones ?? []) this.#phone(number, name);
    const fresh = [];
    const texts = (news.messages ?? []).map((text) => ({ kind: "text", ...text }));
    const calls = (news.calls ?? []).map((call) => ({ kind: "call", ...call }));
    for (const entry of [...texts, ...calls].sort((one, other) => one.at - other.at)) this.#keep(entry, fresh);
    const left = news.left_out ?? {};
    this.leftOut += (left.messages ?? 0) + (left.calls ?? 0);
    return fresh;
  }

  /** The time of the simulation, which may run faster than the machine's. */
  time() {
    return this.now + ((performance.now() - this.heardAt) / 1000) * this.speed;
  }

  /** How many more phones would appear by themselves. */
  get room() {
    return Math.max(MOST_PHONES - this.phones.size, 0);
  }

  #phone(number, name) {
    let phone = this.phones.get(number);
    if (!phone) {
      if (name === undefined && !this.room) {
        this.unshown.add(number);
        return null;
      }
      phone = { number, name: "", conversations: new Map(), cut: new Set() };
      this.phones.set(number, phone);
      this.unshown.delete(number);
    }
    if (name !== undefined) phone.name = name;
    return phone;
  }

  #keep(entry, fresh) {
    const phone = this.#phone(entry.phone);
    if (!phone) return;
    const conversation = this.#conversation(phone, entry.ours);
    if (!conversation.has(entry.sid)) fresh.push(entry);
    conversation.set(entry.sid, entry);
    if (entry.kind === "call") this.calls.set(entry.sid, entry);
    if (conversation.size <= MOST_ENTRIES) return;
    phone.cut.add(entry.ours);
    const oldest = conversation.keys().next().value;
    conversation.delete(oldest);
    this.calls.delete(oldest);
  }

  #conversation(phone, ours) {
    if (!phone.conversations.has(ours)) phone.conversations.set(ours, new Map());
    return phone.conversations.get(ours);
  }

  /** The numbers that a phone talks with: those it has, and the account's own. */
  partners(phone) {
    const own = (this.numbers ?? []).map(({ number }) => number);
    return [...new Set([...own, ...phone.conversations.keys()])];
  }

  /** Whether texts and calls to a number come in somewhere. */
  takes(ours) {
    const plain = ours.replace(/^\w+:/, "");
    return (this.numbers ?? []).some(({ number }) => number === plain);
  }

  refuses(number, ours) {
    return (this.withdrawn ?? []).some(([who, whom]) => who.endsWith(number) && whom === ours);
  }

  outcome(number) {
    return this.outcomes?.[number];
  }
}
