// The box in which a phone's owner writes: Enter sends, Shift+Enter begins a line.

import { icon, make } from "./element.js";
import { complain } from "./notice.js";
import { order } from "./order.js";

const LONGEST = 1600;
const LARGEST = 600_000; // bytes of a picture

export function reply(number, partner) {
  const box = make("textarea", {
    rows: 1,
    maxLength: LONGEST,
    placeholder: "Text message",
    "aria-label": "Text message",
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
  const element = make("form", { className: "reply" }, attach, file, box, button);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  async function text(more) {
    const to = partner();
    const whatsapp = to.startsWith("whatsapp:");
    return order("POST", "texts", { from: number, to, whatsapp, wait: false, ...more });
  }

  async function send() {
    const body = box.value;
    if (!body.trim()) return;
    box.value = "";
    if (!(await text({ body }))) box.value ||= body;
  }

  async function sendPicture(picture) {
    if (picture.size > LARGEST) {
      complain(`The picture must have at most ${LARGEST / 1000} kB.`);
      return;
    }
    const content = await base64(picture);
    text({ body: box.value, media: [{ content, content_type: picture.type }] });
    box.value = "";
  }

  return {
    element,
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
