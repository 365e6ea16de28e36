// One entry of a conversation: a text with its pictures, or a call.

import { icon, make, tell } from "./element.js";
import { ENDED, callFate, fate, isLost, isUnderWay, time } from "./words.js";

const SHOWN = /^(image\/|application\/octet-stream$)/;
const PLAYED = /^(audio|video)\//;

/** Make an entry; `update(entry)` shows what has become of it. */
export function bubble(entry, openCall) {
  return entry.kind === "call" ? callBubble(entry, openCall) : textBubble(entry);
}

function textBubble(entry) {
  const body = make("p", { className: "body", dir: "auto" });
  const state = make("p", { className: "fate" });
  const pictures = entry.media.map((medium) => picture(entry, medium));
  const element = make("li", { className: "bubble" }, ...pictures, body, state);
  element.dataset.sid = entry.sid;
  function update(text) {
    element.classList.toggle("theirs", text.theirs);
    element.classList.toggle("lost", isLost(text));
    element.classList.toggle("going", isUnderWay(text));
    body.hidden = !text.body && !text.redacted;
    tell(body, text.redacted ? "The text was removed." : text.body);
    tell(state, fate(text));
  }
  return kept(element, update, entry);
}

/** A view that knows the entry it shows, so that what has not changed is left alone. */
function kept(element, show, entry) {
  const view = { element };
  view.update = (told) => {
    view.entry = told;
    show(told);
  };
  view.update(entry);
  return view;
}

function picture(entry, medium) {
  const place = `/_simulator/media/${entry.sid}/${medium.sid}`;
  const name = medium.url.split(/[?#]/)[0].split("/").pop() || medium.type;
  const opened = { href: place, target: "_blank", rel: "noopener noreferrer" };
  const file = (words) => make("a", { className: "file", ...opened }, words);
  if (PLAYED.test(medium.type)) {
    return make(medium.type.split("/")[0], { controls: true, preload: "none", src: place });
  }
  if (!SHOWN.test(medium.type)) return file(name);
  const image = make("img", { className: "picture", src: place, alt: `Picture: ${name}` });
  const link = make("a", { className: "view", ...opened }, image);
  image.addEventListener("error", () => link.replaceWith(file(`Picture that cannot be shown: ${name}`)));
  return link;
}

function callBubble(entry, openCall) {
  const who = make("span", { className: "body" });
  const state = make("span", { className: "fate" });
  const button = make(
    "button",
    { type: "button", className: "callcard", onclick: () => openCall(entry.sid) },
    icon("call"),
    make("span", {}, who, state),
  );
  const element = make("li", { className: "bubble call" }, button);
  element.dataset.sid = entry.sid;
  function update(call) {
    element.classList.toggle("theirs", call.theirs);
    element.classList.toggle("lost", ENDED.has(call.status) && call.status !== "completed");
    tell(who, call.theirs ? "You called" : "Call");
    tell(state, `${time(call.at)} · ${callFate(call)}`);
  }
  return kept(element, update, entry);
}
