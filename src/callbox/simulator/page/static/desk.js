// The logs and dials beside the phones; on a narrow screen, tabs along with the phones.

import { Dials } from "./dials.js";
import { make } from "./element.js";
import { RequestLog, WebhookLog } from "./requests.js";
import { mark, walkable } from "./tabs.js";

const VIEWS = { phones: "Phones", requests: "Requests", webhooks: "Webhooks", faults: "Faults" };

export class Desk {
  constructor(place, world) {
    this.tabs = new Map();
    this.panels = new Map();
    const list = make("div", { className: "views", role: "tablist", "aria-label": "Views" });
    walkable(list);
    for (const [name, words] of Object.entries(VIEWS)) {
      const tab = make("button", { type: "button", role: "tab", id: `tab-${name}`, onclick: () => this.show(name) }, words);
      tab.setAttribute("aria-controls", name === "phones" ? "phones" : `panel-${name}`);
      this.tabs.set(name, tab);
      list.append(tab);
      if (name !== "phones") this.#panel(name);
    }
    place.append(list, ...this.panels.values());
    this.requests = new RequestLog(this.panels.get("requests"));
    this.webhooks = new WebhookLog(this.panels.get("webhooks"));
    this.dials = new Dials(this.panels.get("faults"), world);
    const narrow = matchMedia("(max-width: 860px)");
    narrow.addEventListener("change", () => this.#fit(narrow.matches));
    this.show("requests");
    this.#fit(narrow.matches);
  }

  /** The phones are a view only where there is no room beside them. */
  #fit(isNarrow) {
    if (isNarrow) this.show("phones");
    else if (document.body.dataset.view === "phones") this.show("requests");
  }

  #panel(name) {
    const panel = make("div", { className: `panel ${name}`, role: "tabpanel", id: `panel-${name}` });
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    panel.append(make("h2", { className: "unseen" }, VIEWS[name]));
    this.panels.set(name, panel);
  }

  show(name) {
    document.body.dataset.view = name;
    mark(this.tabs.values(), this.tabs.get(name));
    if (name === "phones") return;
    for (const [each, panel] of this.panels) panel.hidden = each !== name;
  }

  render() {
    this.dials.render();
    this.tabs.get("faults").classList.toggle("alarm", this.dials.inForce > 0);
  }
}
