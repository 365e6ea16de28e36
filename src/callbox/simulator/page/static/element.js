// Elements and icons. What is shown is always text: nothing that came from outside is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  call: "M6.6 3.5 9.3 8 7.5 9.9c1.2 2.7 3.5 5 6.3 6.4l1.8-1.9 4.6 2.6-.9 3c-.2.7-.9 1.1-1.6 1C9.9 20 4 14 3 6.4c-.1-.8.3-1.4 1-1.7z",
  send: "M12 20V5m-6 6 6-6 6 6",
  picture: "M4 6h16v12H4zm0 9 5-4 4 3 3-2 4 4M15.5 9.5h.01",
  close: "m6 6 12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
};

/** Make an element: `onclick` and the like are listeners, the rest properties or attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an icon that says nothing to a screen reader: its button has a label. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", `icon icon-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** Set a text only if it is another one, so that selections and readers are left alone. */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
