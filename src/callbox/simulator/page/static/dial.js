// What dials are made of: a switch, and fields of numbers beside it.

import { make } from "./element.js";

/** A switch with the fields beside it. */
export function dial(words, hint, changed, ...fields) {
  const box = make("input", { type: "checkbox", role: "switch", onchange: changed });
  const said = make("span", {}, words, hint ? make("small", {}, hint) : null);
  const element = make(
    "div",
    { className: "dial" },
    make("label", { className: "switch" }, box, said),
    make("div", { className: "fields" }, ...fields),
  );
  return { element, box };
}

export function field(words, unit, value, least, most, changed) {
  const input = make("input", { type: "number", value, min: least, max: most, step: "any", "aria-label": words, onchange: changed });
  return { input, element: make("label", { className: "field" }, input, unit) };
}

/** A number as it was typed, kept within bounds. */
export function typed(input, usual) {
  const value = Number(input.value);
  if (!Number.isFinite(value) || input.value === "") return usual;
  const taken = Math.min(Math.max(value, Number(input.min)), Number(input.max));
  input.value = String(taken);
  return taken;
}

/** Show a number, unless somebody is typing one. */
export function put(input, value) {
  if (document.activeElement !== input) input.value = String(value);
}

export function part(words, hint, ...children) {
  return make("section", {}, make("h3", {}, words), make("p", { className: "hint" }, hint), ...children);
}
