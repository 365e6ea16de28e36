// Short notices: seen for a while, or only heard by screen readers.

import { make } from "./element.js";

const SHOWN = 8000; // milliseconds
const MOST = 3;

/** Show that something could not be done. */
export function complain(sentence) {
  const notices = document.getElementById("notices");
  const notice = make("p", {}, sentence);
  notices.append(notice);
  while (notices.children.length > MOST) notices.firstChild.remove();
  setTimeout(() => notice.remove(), SHOWN);
}

/** Have a screen reader say something, once it has finished. */
export function announce(sentence) {
  const announcer = document.getElementById("announcer");
  announcer.append(make("p", {}, sentence));
  while (announcer.children.length > MOST) announcer.firstChild.remove();
}
