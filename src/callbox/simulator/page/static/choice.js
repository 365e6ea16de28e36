// Switches of the page that a browser remembers.

/** Bind a checkbox to a remembered choice; `changed` is called at once and on every change. */
export function choice(id, changed) {
  const box = document.getElementById(id);
  box.checked = recall(id) !== "off";
  box.addEventListener("change", () => {
    remember(id, box.checked ? "on" : "off");
    changed(box.checked);
  });
  changed(box.checked);
}

function recall(id) {
  try {
    return localStorage.getItem(`callbox.${id}`);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(id, value) {
  try {
    localStorage.setItem(`callbox.${id}`, value);
  } catch {
    return; // see recall
  }
}
