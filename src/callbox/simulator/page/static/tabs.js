// Tabs as keyboards know them: arrows move, Home and End jump.

const MOVES = {
  ArrowRight: (place) => place + 1,
  ArrowLeft: (place) => place - 1,
  Home: () => 0,
  End: () => -1,
};

/** Have the arrow keys walk along the tabs of a tablist. */
export function walkable(list) {
  list.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    const tabs = [...list.querySelectorAll("[role=tab]")].filter((tab) => tab.offsetParent);
    const place = move(tabs.indexOf(document.activeElement));
    const tab = tabs[(place + tabs.length) % tabs.length];
    event.preventDefault();
    tab?.focus();
    tab?.click();
  });
}

/** Mark one tab as chosen: it alone is reached by Tab. */
export function mark(tabs, chosen) {
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
  }
}
