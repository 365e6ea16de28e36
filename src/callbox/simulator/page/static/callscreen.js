// What a phone shows while it rings and while somebody talks.

import { icon, make, tell } from "./element.js";
import { inCall } from "./order.js";
import { ENDED, HEARD, WAITS, callFate, duration, initials, nameOf, number } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ" };
const SPOKEN = new Set(["say", "speak"]);
const SAID = new Set([...SPOKEN, "press"]); // shown as a bubble of whoever did it

export class CallScreen {
  constructor(speak, onClose) {
    this.speak = speak;
    this.onClose = onClose;
    this.call = null;
    this.told = 0;
    this.#build();
  }

  #build() {
    const round = (kind, words, drawn, act) =>
      make(
        "button",
        { type: "button", className: `round ${kind}`, onclick: act },
        make("span", { className: "disc" }, icon(drawn)),
        make("span", { className: "words" }, words),
      );
    this.name = make("h2");
    this.state = make("p", { className: "state" });
    this.waits = make("p", { className: "waits" });
    this.lines = make("ol", { className: "transcript", tabIndex: 0, "aria-label": "What is said" });
    this.lines.setAttribute("aria-live", "polite");
    this.keys = make("div", { className: "keys", role: "group", "aria-label": "Keys" });
    for (const key of KEYS) {
      const letters = make("small", { "aria-hidden": "true" });
      letters.dataset.letters = LETTERS[key] ?? "";
      this.keys.append(make("button", { type: "button", onclick: () => this.press(key) }, key, letters));
    }
    this.words = make("input", { type: "text", placeholder: "Say something", "aria-label": "Say something" });
    this.speech = make("form", { className: "speech" }, this.words, make("button", { type: "submit" }, "Say"));
    this.speech.addEventListener("submit", (event) => {
      event.preventDefault();
      this.say();
    });
    this.declining = round("decline", "Decline", "call", () => this.decline());
    this.answering = round("answer", "Answer", "call", () => inCall(this.call, "answer"));
    this.ending = round("decline", "Hang up", "call", () => inCall(this.call, "hangup"));
    this.closing = round("close", "Close", "close", () => this.close());
    this.avatar = make("span", { className: "avatar large", "aria-hidden": "true" });
    this.element = make(
      "div",
      { className: "callscreen", hidden: true, role: "group", tabIndex: -1 },
      make("header", {}, this.avatar, this.name, this.state),
      this.lines,
      this.waits,
      this.speech,
      this.keys,
      make("footer", {}, this.declining, this.ending, this.closing, this.answering),
    );
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (this.isRinging) this.decline();
      else if (ENDED.has(this.call.status)) this.close();
    } else if (event.target !== this.words && KEYS.includes(event.key) && !this.keys.hidden) {
      this.press(event.key);
    } else return;
    event.preventDefault();
  }

  get isRinging() {
    return this.call?.live && this.call.waits_for === "answer";
  }

  press(key) {
    inCall(this.call, "press", { digits: key });
  }

  async say() {
    const text = this.words.value;
    if (text.trim() && (await inCall(this.call, "speak", { text }))) this.words.value = "";
  }

  decline() {
    inCall(this.call, "decline");
  }

  /** Show a call from its beginning. */
  open(call, phone) {
    this.call = call;
    this.told = 0;
    this.seen = "";
    this.lines.replaceChildren();
    this.avatar.replaceChildren(call.theirs ? initials({ name: "", number: call.ours }) : icon("call"));
    tell(this.name, number(call.ours));
    this.element.setAttribute("aria-label", `Call on the phone of ${nameOf(phone)}`);
    this.update(call, true);
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
    this.call = null;
  }

  close() {
    this.hide();
    this.onClose();
  }

  /** Show what has become of the call; what is said from now on is spoken aloud. */
  update(call, silently = false) {
    this.call = call;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    const over = ENDED.has(call.status);
    const talking = call.live && call.status === "in-progress";
    const ringing = this.isRinging;
    this.element.classList.toggle("ringing", Boolean(ringing));
    this.element.classList.toggle("over", over);
    tell(this.waits, over ? "" : (WAITS[call.waits_for] ?? ""));
    this.answering.hidden = !ringing;
    this.declining.hidden = !ringing;
    this.ending.hidden = over || ringing || !call.live;
    this.closing.hidden = ringing || (call.live && !over);
    this.keys.hidden = !talking;
    this.speech.hidden = !talking || call.waits_for !== "speech";
    this.#write(call, silently);
    this.tick(call.now);
    if (focused?.closest("[hidden]")) this.focus();
  }

  #write(call, silently) {
    const stays = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 30;
    for (const line of call.transcript.slice(Math.max(this.told - call.first, 0))) {
      const words = (HEARD[line.kind] ?? (() => `${line.kind} ${line.text}`))(line);
      const kind = SAID.has(line.kind) ? line.who : "event";
      this.lines.append(make("li", { className: kind, dir: "auto" }, words));
      if (!silently && line.who === "voice" && SPOKEN.has(line.kind)) this.speak(line.text);
    }
    this.told = call.first + call.transcript.length;
    if (stays) this.lines.scrollTop = this.lines.scrollHeight;
  }

  /** Show how long it lasts. */
  tick(now) {
    const call = this.call;
    if (!call) return;
    const talking = call.status === "in-progress" && call.started && now;
    if (talking) tell(this.state, duration(now - call.started));
    else if (this.isRinging) tell(this.state, "calls you");
    else if (call.theirs && call.status === "ringing") tell(this.state, "calling…");
    else tell(this.state, callFate(call));
  }

  /**
   * Put the keyboard where it is needed; keys may be typed wherever it is on this screen.
   * Whoever is in the middle of a word must not answer by its next space: on no button then.
   */
  focus(isBusy = false) {
    if (isBusy) return this.element.focus({ preventScroll: true });
    const [first] = [this.answering, this.keys, this.ending, this.closing].filter((each) => !each.hidden);
    return (first === this.keys ? this.keys.firstChild : first).focus({ preventScroll: true });
  }
}
