// The two logs: requests that programs made, webhooks that the simulator called.

import { Log } from "./log.js";
import { order } from "./order.js";

const ENDPOINT = /^(\w+)-(\w+)$/;
const RESOURCES = { message: "text", messages: "texts", number: "number", numbers: "numbers" };

function endpoint(name) {
  const [, verb, resource] = ENDPOINT.exec(name) ?? [];
  return verb ? `${verb} ${RESOURCES[resource] ?? resource}` : name;
}

const sentence = (...parts) => parts.filter(Boolean).join(" · ");

export class RequestLog extends Log {
  constructor(place) {
    super(place, {
      empty: "No request yet. Point a program at this simulator and send something.",
      filters: { all: "All", order: "Orders only", trouble: "Errors only" },
      detail: whole,
    });
  }

  learn(entries, left) {
    const shown = entries.map((entry) => ({
      ...entry,
      title: `${entry.method} ${endpoint(entry.endpoint)}`,
      said: sentence(entry.code && `${entry.code} ${entry.message}`, entry.fault && `Fault: ${entry.fault}`),
    }));
    this.add(shown, left);
  }
}

async function whole(entry) {
  const found = await order("GET", `journal?since=${entry.number - 1}&limit=1`);
  const [full] = found?.requests ?? [];
  if (full?.number !== entry.number) return { Request: `${entry.method} ${entry.path}`, Kept: "The rest is no longer kept." };
  return {
    Request: `${full.method} ${full.path}`,
    Parameters: Object.keys(full.params).length ? full.params : "",
    Answer: full.answer,
    Took: `${full.seconds} s`,
    Fault: full.fault,
  };
}

export class WebhookLog extends Log {
  constructor(place) {
    super(place, {
      empty: "No webhook was called yet. Replies, calls and status callbacks call them.",
      filters: { all: "All", trouble: "Errors only" },
      detail: (entry) => ({
        Webhook: `${entry.method} ${entry.url}`,
        Attempt: sentence(entry.attempt > 1 && String(entry.attempt), entry.fallback && "the fallback URL"),
        Parameters: entry.params,
        Answer: entry.answer,
        Took: entry.over ? `${entry.seconds} s` : "",
        Trouble: entry.trouble,
      }),
    });
  }

  learn(entries, left) {
    const shown = entries.map((entry) => ({
      ...entry,
      title: `${entry.method} ${path(entry.url)}`,
      path: entry.url,
      said: sentence(entry.trouble, entry.attempt > 1 && `attempt ${entry.attempt}`, entry.fallback && "fallback"),
    }));
    this.add(shown, left);
  }
}

function path(url) {
  const [, rest] = /^https?:\/\/[^/]*([^?#]*)/.exec(url) ?? [];
  return rest || url;
}
