// How numbers, times and states are said.

/** +12065550100 as +1 206 555 0100; other numbers and names as they are. */
export function number(address) {
  const [, channel, rest] = /^(?:(\w+):)?(.*)$/s.exec(address ?? "");
  const parts = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(rest);
  const said = parts ? `+1 ${parts.slice(1).join(" ")}` : rest;
  return channel ? `${CHANNELS[channel] ?? channel} ${said}` : said;
}

const CHANNELS = { whatsapp: "WhatsApp", messenger: "Messenger", rcs: "RCS" };

/** What a phone is called: its name, else its number. */
export function nameOf(phone) {
  return phone.name || number(phone.number);
}

/** One or two letters for a round picture. */
export function initials(phone) {
  const words = phone.name.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return phone.number.slice(-2);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat([], {
  hourCycle: "h23",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 1,
});

export const time = (seconds) => clock.format(seconds * 1000);
export const moment = (seconds) => exact.format(seconds * 1000);

/** 75 seconds as 1:15, an hour more as 1:01:15. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [first, ...rest] = parts[0] ? parts : parts.slice(1);
  return [first, ...rest.map((part) => String(part).padStart(2, "0"))].join(":");
}

/** 1600 as 1,600. */
export const count = (whole) => whole.toLocaleString("en");
export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

const NEVER_ARRIVED = new Set(["undelivered", "failed", "canceled"]);
const ON_ITS_WAY = new Set(["accepted", "scheduled", "queued", "sending"]);

/** Whether a text never came to the phone, or has not come yet. */
export const isLost = (text) => NEVER_ARRIVED.has(text.status);
export const isUnderWay = (text) => ON_ITS_WAY.has(text.status);

/** The line below a bubble. */
export function fate(text) {
  const parts = [time(text.at)];
  if (text.theirs) return parts[0];
  const why = text.code ? `: ${text.code} ${text.why}`.trimEnd() : "";
  parts.push(`${text.status}${why}`);
  if (text.segments > 1) parts.push(plural(text.segments, "segment"));
  return parts.join(" · ");
}

/** How a call ended, or how it is. */
const CALLS = {
  queued: "Waiting to ring",
  ringing: "Ringing",
  "in-progress": "On the phone",
  completed: "Ended",
  busy: "Busy",
  "no-answer": "Nobody answered",
  failed: "It failed",
  canceled: "Called off",
};
export const ENDED = new Set(["completed", "busy", "no-answer", "failed", "canceled"]);

export function callFate(call) {
  const said = CALLS[call.status] ?? call.status;
  if (call.status !== "completed" || !call.started || !call.ended) return said;
  return `${said} after ${duration(call.ended - call.started)}`;
}

export const WAITS = {
  digits: "Waits for keys: press one below",
  speech: "Waits for words: say something below",
};

/** How each kind of line of a transcript is told; what is missing here is told by its kind. */
export const HEARD = {
  say: (line) => line.text,
  speak: (line) => line.text,
  press: (line) => `Pressed ${line.text}`,
  play: (line) => `♪ Plays ${line.text}`,
  pause: (line) => `Pause ${line.text}`.trimEnd(),
  gather: (line) => (line.text.includes("dtmf") ? "Asks for keys" : "Listens"),
  reject: () => "Not taken",
  record: (line) => line.text || "Records",
  beep: () => "Beep",
  note: (line) => line.text,
  dial: (line) => `Puts through ${line.text}`.trimEnd(),
  redirect: (line) => `Goes on at ${line.text}`,
  hangup: (line) => (line.who === "person" ? "You hung up" : line.text || "The line was hung up"),
  ring: () => "Rings",
  answer: () => "Answered",
  error: (line) => line.text || "Error",
};
