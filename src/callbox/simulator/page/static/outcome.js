// What becomes of what is sent to a phone, in plain words. A new outcome needs a line here only.

export const OUTCOMES = [
  { words: "Everything arrives, somebody answers", asks: {} },
  { group: "Texts", words: "Not delivered: 30003 phone switched off", asks: { status: "undelivered", error_code: 30003 } },
  { group: "Texts", words: "Not delivered: 30004 blocked", asks: { status: "undelivered", error_code: 30004 } },
  { group: "Texts", words: "Not delivered: 30005 unknown number", asks: { status: "undelivered", error_code: 30005 } },
  { group: "Texts", words: "Not delivered: 30006 landline", asks: { status: "undelivered", error_code: 30006 } },
  { group: "Texts", words: "Not delivered: 30007 filtered as spam", asks: { status: "undelivered", error_code: 30007 } },
  { group: "Texts", words: "Not delivered: 30008 unknown reason", asks: { status: "undelivered", error_code: 30008 } },
  { group: "Texts", words: "Sent, and never heard of again", asks: { status: "sent" } },
  { group: "Texts", words: "Read, as WhatsApp tells", asks: { status: "read" } },
  { group: "Calls", words: "Busy", asks: { status: "busy" } },
  { group: "Calls", words: "Nobody answers", asks: { status: "no-answer" } },
  { group: "Calls", words: "Voicemail answers", asks: { answered_by: "machine_start" } },
  { group: "Both", words: "Everything fails", asks: { status: "failed" } },
];
const USUAL = { status: "", error_code: null, answered_by: "human", share: 1 };

/** The place of an outcome in the table; -1 if it was set elsewhere and is none of them. */
export function placeOf(outcome) {
  if (!outcome) return 0;
  return OUTCOMES.findIndex(({ asks }) => {
    const wanted = { ...USUAL, ...asks };
    return Object.keys(USUAL).every((name) => wanted[name] === outcome[name]);
  });
}

/** Words for an outcome that is not the usual one; empty for the usual one. */
export function label(outcome) {
  const place = placeOf(outcome);
  return place === 0 ? "" : (OUTCOMES[place]?.words ?? `Set elsewhere: ${outcome.status || "other"}${outcome.share < 1 ? ` of ${+(outcome.share * 100).toFixed(3)}%` : ""}`);
}
