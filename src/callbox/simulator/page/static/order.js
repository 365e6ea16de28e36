// What the page orders the simulator to do.

import { complain } from "./notice.js";

/** Ask the control API; what it refuses is shown, and answered with null. */
export async function order(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(`/_simulator/${path}`, options);
  } catch {
    complain("The simulator does not answer. Is it still running?");
    return null;
  }
  const document = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (answer.ok) return document;
  complain(document.error ?? `The simulator answered ${answer.status}.`);
  return null;
}

export const inCall = (call, what, body = {}) => order("POST", `calls/${call.sid}/${what}`, body);
