-- Every statement of the SQLite store, by name. Rows of `delivery` are read by the columns and in
-- the order of `columns`, written in the order of `insert_delivery` and `update_delivery`: rows.py.

-- name: columns
seq, id, request_id, kind, channel, name, recipient, sender, body, extras, priority, retries,
on_unknown, created_at, expires_at, expires_fixed, dedup_key, dedup_digest, position,
reply_topic, correlation, retry_of, state, due_at, attempt, attempted_at, failures, doubt_since,
doubt_base, doubt_answered, lookups, sid, evidence, word, sent_from, error_code, error_message,
updated_at, news_at, segments, price, price_unit, answered_by, duration, answer

-- name: insert_delivery
INSERT INTO delivery (
    id, request_id, kind, channel, name, recipient, sender, body, extras, priority, retries,
    on_unknown, created_at, expires_at, expires_fixed, dedup_key, dedup_digest, position,
    reply_topic, correlation, retry_of, state, due_at, attempt, attempted_at, failures,
    doubt_since, doubt_base, doubt_answered, lookups, sid, evidence, word, sent_from,
    error_code, error_message, updated_at, news_at, segments, price, price_unit, answered_by,
    duration, lane, likeness, dedup_slot, run
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
)

-- name: update_delivery
UPDATE delivery SET
    state = ?, due_at = ?, attempt = ?, attempted_at = ?, failures = ?, doubt_since = ?,
    doubt_base = ?, doubt_answered = ?, lookups = ?, sid = ?, evidence = ?, word = ?, sent_from = ?,
    error_code = ?, error_message = ?, updated_at = ?, news_at = ?, segments = ?, price = ?,
    price_unit = ?, answered_by = ?, duration = ?,
    answer = coalesce(answer, ?), dedup_slot = CASE WHEN ? THEN NULL ELSE dedup_slot END, run = ?
WHERE id = ? AND state = ? AND attempt = ? AND updated_at = ?

-- name: waiting
-- A lane with a create in flight waits; so does the like of one in doubt, or of an earlier one that
-- waits for its retry.
SELECT -priority, seq, lane FROM delivery AS d
WHERE state = 'queued' AND kind = :kind AND (due_at IS NULL OR due_at <= :now) AND expires_at > :now
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE state = 'sending' AND lane = d.lane)
  AND NOT EXISTS (
    SELECT 1 FROM delivery AS e
    WHERE e.due_at IS NOT NULL AND e.likeness = d.likeness AND e.seq <> d.seq
      AND (e.state = 'unknown' OR (e.due_at > :now AND e.seq < d.seq)))
ORDER BY priority DESC, seq LIMIT :most

-- name: begin_attempt
UPDATE delivery
SET state = 'sending', due_at = NULL, attempt = attempt + 1, attempted_at = ?, updated_at = ?, run = ?
WHERE seq = ? RETURNING {columns}

-- name: next_due
SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM delivery WHERE due_at > ?
    UNION ALL SELECT min(expires_at) FROM delivery WHERE state = 'queued'
)

-- name: overdue
SELECT {columns} FROM delivery INDEXED BY delivery_expiry
WHERE state = 'queued' AND expires_at <= ? ORDER BY expires_at LIMIT 200

-- name: doubtful
SELECT {columns} FROM delivery WHERE state = 'unknown' AND due_at <= ? ORDER BY due_at LIMIT 100

-- name: recover
-- Attempts that were under way when the last run ended: their outcome is not known.
UPDATE delivery
SET state = 'unknown', due_at = ?, doubt_since = coalesce(doubt_since, attempted_at), doubt_base = ?,
    doubt_answered = 0, lookups = 0, error_code = NULL, updated_at = ?, run = ?,
    error_message = 'The gateway stopped before Twilio had answered'
WHERE state = 'sending'

-- name: ask_soon
-- A clock that was ahead in an earlier run must not put questions off for ever.
UPDATE delivery SET news_at = :latest WHERE news_at > :latest

-- name: rival
SELECT id, evidence FROM delivery WHERE sid = ?

-- name: dethrone
UPDATE delivery
SET sid = NULL, evidence = NULL, state = 'unknown', due_at = ?, doubt_base = ?, lookups = 0,
    word = NULL, news_at = NULL, segments = NULL, price = NULL, price_unit = NULL, answered_by = NULL,
    duration = NULL
WHERE id = ?

-- name: fresh
SELECT {columns} FROM delivery WHERE news_at <= ? ORDER BY news_at LIMIT ?

-- name: next_news
SELECT min(news_at) FROM delivery WHERE news_at IS NOT NULL

-- name: holding
SELECT {columns} FROM delivery WHERE sid IN (SELECT value FROM json_each(?))

-- name: find
SELECT {columns} FROM delivery WHERE id = ?

-- name: of_request
SELECT {columns} FROM delivery
WHERE request_id = ? AND state IN ('queued', 'sending', 'unknown', 'accepted') ORDER BY seq

-- name: listing
SELECT {columns} FROM delivery WHERE (? IS NULL OR state = ?) ORDER BY seq DESC LIMIT ?

-- name: held_under_key
SELECT id, position, dedup_digest, answer FROM delivery
WHERE dedup_slot >= ? AND dedup_slot < ? AND created_at > ?

-- name: free_old_key
UPDATE delivery SET dedup_slot = NULL WHERE dedup_slot >= ? AND dedup_slot < ? AND created_at <= ?

-- name: follow
INSERT INTO follower (delivery_id, request_id, reply_topic, correlation) VALUES (?, ?, ?, ?)

-- name: followers
DELETE FROM follower WHERE delivery_id = ? RETURNING request_id, reply_topic, correlation

-- name: tally
INSERT INTO tally (name, subject, begins, critical, used) VALUES (?, ?, ?, ?, 1)
ON CONFLICT DO UPDATE SET used = used + 1 WHERE used < ?

-- name: count_wrong_pins
INSERT INTO tally (name, subject, begins, critical, used) VALUES (?, ?, ?, 0, ?)
ON CONFLICT DO UPDATE SET used = used + excluded.used

-- name: waiting_counts
SELECT critical, count(*) FROM (
    SELECT priority >= 3 AS critical FROM delivery WHERE state = 'queued'
    UNION ALL SELECT priority >= 3 FROM delivery WHERE state = 'sending'
    UNION ALL SELECT priority >= 3 FROM delivery WHERE state = 'unknown' AND due_at IS NOT NULL
) GROUP BY critical

-- name: figures
SELECT
    (SELECT count(*) FROM delivery WHERE state = 'queued'),
    (SELECT count(*) FROM delivery WHERE state = 'unknown' AND due_at IS NOT NULL),
    (SELECT count(*) FROM event WHERE losses < 3),
    (SELECT count(*) FROM event WHERE losses >= 3),
    (SELECT min(created_at) FROM delivery INDEXED BY delivery_expiry WHERE state = 'queued')

-- name: insert_event
INSERT INTO event (topic, payload, absolute, correlation, expires_at, host)
VALUES (?, ?, ?, ?, ?, ?)

-- name: owed
SELECT topic, payload, absolute, correlation, id, expires_at FROM event
WHERE host = ? AND id > ? AND losses < 3 ORDER BY id LIMIT ?

-- name: everything_owed
SELECT topic, absolute, expires_at, id, host FROM event

-- name: hand_over
UPDATE event SET host = ? WHERE id = ?

-- name: acknowledge
DELETE FROM event WHERE id IN (SELECT value FROM json_each(?))

-- name: lose
UPDATE event SET losses = losses + 1 WHERE id = ?
RETURNING topic, payload, absolute, correlation, id, expires_at, losses

-- name: forgive
UPDATE event SET losses = 0 WHERE losses > 0

-- name: arrival
SELECT connection, seq, digest FROM arrival WHERE packet_id = ?

-- name: arrive
INSERT OR REPLACE INTO arrival (packet_id, connection, seq, digest) VALUES (?, ?, ?, ?)

-- name: last_arrival
SELECT coalesce(max(seq), 0) FROM arrival

-- name: forget_arrivals
DELETE FROM arrival

-- name: session
SELECT connection, reuses_ids FROM session WHERE client_id = ?

-- name: forget_sessions
DELETE FROM session WHERE client_id <> ?

-- name: connect
INSERT INTO session (client_id, connection) VALUES (?, ?)
ON CONFLICT DO UPDATE SET connection = excluded.connection

-- name: reuses_ids
UPDATE session SET reuses_ids = ?

-- name: shift
-- `run` set `due_at`; of the other times it set those between its begin and the jump.
UPDATE delivery
SET due_at = due_at + :by,
    attempted_at = attempted_at + :by * (attempted_at BETWEEN :began AND :jumped),
    created_at = created_at + :by * (created_at BETWEEN :began AND :jumped),
    doubt_since = doubt_since + :by * (doubt_since BETWEEN :began AND :jumped),
    doubt_base = doubt_base + :by * (doubt_base BETWEEN :began AND :jumped),
    expires_at = expires_at
        + :by * (NOT expires_fixed AND created_at BETWEEN :began AND :jumped)
WHERE run = :run AND state IN ('queued', 'sending', 'unknown')

-- name: shift_news
-- News are counted from the last ones: the times of both move.
UPDATE delivery
SET news_at = news_at + :by, updated_at = updated_at + :by,
    attempted_at = attempted_at + :by * (attempted_at BETWEEN :began AND :jumped),
    doubt_since = doubt_since + :by * (doubt_since BETWEEN :began AND :jumped)
WHERE news_at IS NOT NULL AND updated_at BETWEEN :began AND :jumped

-- name: shift_received
UPDATE received SET stored_at = stored_at + :by WHERE stored_at BETWEEN :began AND :jumped

-- name: shift_events
-- Those of this run: what an earlier one left is not to be put off.
UPDATE event SET expires_at = expires_at + :by WHERE expires_at IS NOT NULL AND id > :last

-- name: last_event
SELECT coalesce(max(id), 0) FROM event

-- name: purge
DELETE FROM delivery WHERE seq IN (
    SELECT seq FROM (SELECT seq, created_at, state, due_at, news_at FROM delivery ORDER BY seq LIMIT 1000)
    WHERE created_at < ? AND state NOT IN ('queued', 'sending') AND due_at IS NULL
        AND news_at IS NULL LIMIT 500
)

-- name: purge_tally
DELETE FROM tally WHERE begins < ?

-- name: receive
-- What a webhook brings in this moment is new, even if the first list had it before.
INSERT INTO received (sid, sender, recipient, body, received_at, stored_at, to_delete, old)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET body = excluded.body, received_at = excluded.received_at,
    stored_at = excluded.stored_at, to_delete = excluded.to_delete, old = 0
WHERE old AND NOT excluded.old

-- name: received
SELECT 1 FROM received WHERE sid = ?

-- name: recipients
SELECT DISTINCT recipient FROM received

-- name: to_delete
SELECT sid FROM received WHERE to_delete ORDER BY stored_at LIMIT ?

-- name: deleted
UPDATE received SET to_delete = 0 WHERE sid = ?

-- name: purge_received
DELETE FROM received WHERE sid IN (
    SELECT sid FROM received WHERE stored_at < ? AND NOT to_delete ORDER BY stored_at LIMIT 500
)

-- name: opt_outs
SELECT channel, sender, recipient, certain, since FROM opt_out

-- name: opt_out
INSERT INTO opt_out (channel, sender, recipient, certain, since) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET certain = max(certain, excluded.certain), since = excluded.since

-- name: opt_in
DELETE FROM opt_out WHERE channel = ? AND sender = ? AND recipient = ?

-- name: mailboxes
SELECT number, since, cursor FROM mailbox

-- name: read_up_to
INSERT INTO mailbox (number, since, cursor) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET cursor = excluded.cursor

-- name: tallies
SELECT subject, used FROM tally WHERE name = ? AND begins = ?

-- name: ask
INSERT INTO question (id, ours, theirs, asked_at, expires_at, terms) VALUES (?, ?, ?, ?, ?, ?)

-- name: questions
SELECT id, ours, theirs, asked_at, expires_at, terms FROM question ORDER BY asked_at, id

-- name: close_question
DELETE FROM question WHERE id = ?
