-- Whom an event is owed to: what one host has told is not told for another.

ALTER TABLE event ADD COLUMN host TEXT NOT NULL DEFAULT 'mqtt';

-- Yes-or-no questions that wait for their answer. `terms` is JSON, whoever asks knows its keys.
CREATE TABLE question (
    id         TEXT PRIMARY KEY,
    ours       TEXT NOT NULL,         -- the number it is asked from
    theirs     TEXT NOT NULL,         -- the number that is to answer
    asked_at   REAL NOT NULL,
    expires_at REAL NOT NULL,
    terms      TEXT NOT NULL
) WITHOUT ROWID;
