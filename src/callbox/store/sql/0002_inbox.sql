-- The inbox: what came in, once per SID; who opted out; how far each number's list was read. And
-- what Twilio tells of a delivery after it took it. Times are seconds since 1970.

ALTER TABLE delivery ADD COLUMN news_at REAL;      -- when Twilio is asked next; NULL: not any more
ALTER TABLE delivery ADD COLUMN segments INTEGER;  -- what Twilio counts
ALTER TABLE delivery ADD COLUMN price TEXT;
ALTER TABLE delivery ADD COLUMN price_unit TEXT;
ALTER TABLE delivery ADD COLUMN answered_by TEXT;
ALTER TABLE delivery ADD COLUMN duration INTEGER;  -- of a call, seconds

ALTER TABLE event ADD COLUMN expires_at REAL;      -- not published any more from then on

CREATE INDEX delivery_news ON delivery (news_at) WHERE news_at IS NOT NULL;

-- A text by its SID; a step of a call by its SID and what happened.
CREATE TABLE received (
    sid         TEXT PRIMARY KEY,
    sender      TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    body        TEXT NOT NULL,
    received_at REAL NOT NULL,
    stored_at   REAL NOT NULL,
    to_delete   INTEGER NOT NULL,     -- still to be deleted at Twilio
    old         INTEGER NOT NULL      -- listed when its number was first asked for: never told
) WITHOUT ROWID;

CREATE INDEX received_stored ON received (stored_at);
CREATE INDEX received_to_delete ON received (stored_at) WHERE to_delete;

-- Who does not want texts from whom. `certain`: Twilio refuses them; else only the word came.
CREATE TABLE opt_out (
    channel   TEXT NOT NULL,
    sender    TEXT NOT NULL,          -- our number or messaging service
    recipient TEXT NOT NULL,
    certain   INTEGER NOT NULL,
    since     REAL NOT NULL,
    PRIMARY KEY (channel, sender, recipient)
) WITHOUT ROWID;

-- Per number that texts come to: nothing before `since` counts, the list was read up to `cursor`.
-- Both are Twilio's time.
CREATE TABLE mailbox (
    number TEXT PRIMARY KEY,
    since  REAL NOT NULL,
    cursor REAL NOT NULL
) WITHOUT ROWID;

UPDATE delivery SET news_at = updated_at WHERE state IN ('accepted', 'sent') AND sid IS NOT NULL;
