// The box in which a phone's owner writes: Enter sends, Shift+Enter begins a line.

import { icon, make } from "./element.js";
import { complain } from "./notice.js";
import { order } from "./order.js";
import { count } from "./words.js";

const LONGEST = 1600; // characters that Twilio takes in one text
const NEAR = 1400; // characters from which on they are counted
const LARGEST = 600_000; // bytes of a picture

export function reply(number, partner, onSend) {
  const counter = make("p", { className: "count", id: `count-${number}`, hidden: true });
  const box = make("textarea", {
    rows: 1,
    dir: "auto",
    placeholder: "Text message",
    "aria-label": "Text message",
    "aria-describedby": counter.id,
    oninput: measure,
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      send();
    },
  });
  const file = make("input", { type: "file", accept: "image/*", hidden: true });
  const attach = make(
    "button",
    { type: "button", className: "plain", "aria-label": "Send a picture", onclick: () => file.click() },
    icon("picture"),
  );
  file.addEventListener("change", () => {
    if (file.files[0]) sendPicture(file.files[0]);
    file.value = "";
  });
  const button = make("button", { type: "submit", className: "send", "aria-label": "Send" }, icon("send"));
  const element = make("form", { className: "reply" }, counter, attach, file, box, button);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  function write(words) {
    box.value = words;
    measure();
  }

  /** Count what is written, once it comes near the limit; return how long it is. */
  function measure() {
    const length = box.value.length; // as Twilio counts: a flame is two
    const tooLong = length > LONGEST;
    counter.hidden = length < NEAR;
    counter.textContent = `${count(length)} of ${count(LONGEST)} characters${tooLong ? ": too long" : ""}`;
    counter.classList.toggle("excess", tooLong);
    box.setAttribute("aria-invalid", String(tooLong));
    return length;
  }

  /** Send what is written, with a picture or without; what was not taken stays in the box. */
  async function text(more) {
    const length = measure();
    if (length > LONGEST) {
      complain(`The text has ${count(length)} characters. One text takes ${count(LONGEST)}, so it was not sent.`);
      return;
    }
    const body = box.value;
    const to = partner();
    const whatsapp = to.startsWith("whatsapp:");
    write("");
    onSend();
    const sent = await order("POST", "texts", { from: number, to, whatsapp, wait: false, body, ...more });
    if (!sent && !box.value) write(body);
  }

  function send() {
    if (box.value.trim()) text({});
  }

  async function sendPicture(picture) {
    if (picture.size > LARGEST) {
      complain(`The picture must have at most ${LARGEST / 1000} kB.`);
      return;
    }
    const content = await base64(picture);
    text({ media: [{ content, content_type: picture.type }] });
  }

  return {
    element,
    focus: () => box.focus({ preventScroll: true }),
    get isBegun() {
      return Boolean(box.value.trim());
    },
    allow(possible) {
      for (const part of [box, attach, button]) part.disabled = !possible;
      box.placeholder = possible ? "Text message" : "Nobody takes replies here";
    },
  };
}

function base64(picture) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.split(",")[1]));
    reader.readAsDataURL(picture);
  });
}
