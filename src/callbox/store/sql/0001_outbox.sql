-- The outbox: requests as deliveries, their attempts, the events owed, and what redeliveries are
-- recognised by. Times are seconds since 1970.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The MQTT session: one row. `connection` counts its connections.
CREATE TABLE session (
    client_id  TEXT PRIMARY KEY,
    connection INTEGER NOT NULL,
    reuses_ids INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- One row per packet id of the session, replaced when the id is used again.
CREATE TABLE arrival (
    packet_id  INTEGER PRIMARY KEY,
    connection INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    digest     BLOB NOT NULL
);

CREATE TABLE delivery (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    request_id     TEXT NOT NULL,
    kind           TEXT NOT NULL,
    channel        TEXT NOT NULL,
    name           TEXT NOT NULL,
    recipient      TEXT NOT NULL,
    sender         TEXT NOT NULL,
    body           TEXT NOT NULL,
    extras         TEXT,             -- JSON: media, voice
    priority       INTEGER NOT NULL,
    retries        INTEGER,          -- NULL: until it expires
    on_unknown     TEXT NOT NULL,
    created_at     REAL NOT NULL,
    expires_at     REAL NOT NULL,
    expires_fixed  INTEGER NOT NULL, -- by the publisher's clock
    dedup_key      TEXT,
    dedup_digest   TEXT,
    position       INTEGER NOT NULL,
    reply_topic    TEXT,
    correlation    BLOB,
    retry_of       TEXT,
    -- what changes
    state          TEXT NOT NULL,
    due_at         REAL,             -- next retry or look-up; NULL: at once, or never
    attempt        INTEGER NOT NULL,
    attempted_at   REAL,
    failures       INTEGER NOT NULL,
    doubt_since    REAL,
    doubt_base     REAL,
    doubt_answered INTEGER NOT NULL,
    lookups        INTEGER NOT NULL,
    sid            TEXT,
    evidence       TEXT,
    word           TEXT,
    sent_from      TEXT,
    error_code     INTEGER,
    error_message  TEXT,
    updated_at     REAL NOT NULL,
    answer         TEXT,             -- the `response` part of the first status
    -- what the store adds
    lane           TEXT NOT NULL,
    likeness       TEXT NOT NULL,
    dedup_slot     TEXT,             -- NULL once the key is free again
    run            TEXT NOT NULL     -- the process that set the times
);

CREATE UNIQUE INDEX delivery_sid ON delivery (sid) WHERE sid IS NOT NULL;
CREATE UNIQUE INDEX delivery_dedup ON delivery (dedup_slot) WHERE dedup_slot IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (kind, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX delivery_expiry ON delivery (expires_at, created_at) WHERE state = 'queued';
CREATE INDEX delivery_request ON delivery (request_id);
CREATE INDEX delivery_busy ON delivery (lane) WHERE state = 'sending';
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_aside ON delivery (likeness) WHERE due_at IS NOT NULL;

-- A later request under a dedup_key, answered with the first one's status.
CREATE TABLE follower (
    delivery_id TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    reply_topic TEXT,
    correlation BLOB
);
CREATE INDEX follower_delivery ON follower (delivery_id);

-- Documents owed to the broker; a row is gone once it is acknowledged.
CREATE TABLE event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    topic       TEXT NOT NULL,
    payload     BLOB NOT NULL,
    absolute    INTEGER NOT NULL,
    correlation BLOB,
    losses      INTEGER NOT NULL DEFAULT 0
);

-- What was accepted in a clock hour or day, against the limits.
CREATE TABLE tally (
    name     TEXT NOT NULL,          -- the limit
    subject  TEXT NOT NULL,          -- a recipient, or '' for all
    begins   REAL NOT NULL,          -- the window's first second
    critical INTEGER NOT NULL,
    used     INTEGER NOT NULL,
    PRIMARY KEY (name, subject, begins, critical)
) WITHOUT ROWID;
