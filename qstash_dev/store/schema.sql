-- Version 11. Times are epoch milliseconds. A message's row holds what is filtered, counted and changed;
-- its contents never change after they were written, so that an update stays small.

CREATE TABLE users (
    id          TEXT PRIMARY KEY,
    current_key TEXT NOT NULL,
    next_key    TEXT NOT NULL,
    -- The keys from which rotations began: when the settings give others, those count.
    given       TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- The last number of a table from which rows were deleted; of `time`, the latest that was seen.
CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE messages (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    user             TEXT NOT NULL,
    state            TEXT NOT NULL,
    last_status      INTEGER,
    attempts         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    claimed          INTEGER NOT NULL DEFAULT 0,
    due_at           INTEGER NOT NULL,
    not_before       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    finished_at      INTEGER,
    retried          INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    held             TEXT,
    kind             TEXT NOT NULL,
    parent_id        TEXT,
    line             TEXT,
    line_queue       TEXT,
    method           TEXT NOT NULL,
    url              TEXT NOT NULL,
    host             TEXT NOT NULL,
    path             TEXT NOT NULL,
    queue            TEXT,
    topic            TEXT,
    endpoint         TEXT,
    schedule_id      TEXT,
    flow_key         TEXT,
    caller_ip        TEXT,
    max_retries      INTEGER NOT NULL,
    body_size        INTEGER NOT NULL,
    content_type     TEXT,
    last_error       TEXT,
    last_ms          REAL,
    hint             TEXT,
    lints            TEXT,
    armed            INTEGER NOT NULL DEFAULT 0,
    dlq_id           TEXT,
    run              INTEGER,
    call_type        TEXT,
    step             TEXT,
    duplicates       INTEGER NOT NULL DEFAULT 0,
    -- Of many that are accepted together, until the last of them is there.
    intake           INTEGER
);

CREATE TABLE contents (
    message  INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    spec     BLOB NOT NULL,
    body     BLOB NOT NULL,
    redacted INTEGER NOT NULL DEFAULT 0,
    -- Then `body` is empty.
    shared   INTEGER
);
CREATE INDEX contents_shared ON contents (shared) WHERE shared IS NOT NULL;

-- What the endpoints of a URL group get is stored once.
CREATE TABLE bodies (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE labels (
    label   TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    PRIMARY KEY (label, message)
) WITHOUT ROWID;
CREATE INDEX labels_message ON labels (message);

CREATE TABLE attempts (
    message   INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    content   BLOB NOT NULL,
    body      BLOB NOT NULL,
    PRIMARY KEY (message, number)
);

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    time    INTEGER NOT NULL,
    user    TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    state   TEXT NOT NULL,
    error   TEXT,
    next_at INTEGER,
    attempt INTEGER,
    status  INTEGER
);
CREATE INDEX events_message ON events (message);
CREATE INDEX events_user ON events (user, time);
-- What is looked for among many that went well. Not `NOT IN`: SQLite would make a table of the three for
-- every row that is written, a sixth of all that writing costs.
CREATE INDEX events_trouble ON events (seq, state)
    WHERE state <> 'CREATED' AND state <> 'ACTIVE' AND state <> 'DELIVERED';

CREATE TABLE dlq (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    user    TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    time    INTEGER NOT NULL
);
CREATE INDEX dlq_message ON dlq (message);

-- What may be tried next; rows leave it when they are claimed, held or finished. With the state, so
-- that what is delayed is counted without a look at the messages.
CREATE INDEX messages_due ON messages (due_at, seq, state)
    WHERE claimed = 0 AND held IS NULL AND finished_at IS NULL;
-- What is under way or went wrong: everything that is counted and is not the great majority.
CREATE INDEX messages_state ON messages
    (state, user, seq, finished_at, run, kind, last_status, attempts, created_at)
    WHERE state <> 'DELIVERED';
CREATE INDEX messages_intake ON messages (intake) WHERE intake IS NOT NULL;
CREATE INDEX messages_held ON messages (held) WHERE held IS NOT NULL;
CREATE INDEX messages_armed ON messages (armed) WHERE armed;
-- In the order in which they are forgotten. Both with what each message can be chosen by, so that this
-- does without a look at all of them.
CREATE INDEX messages_finished ON messages
    (run, finished_at, kind, last_status, attempts, created_at) WHERE finished_at IS NOT NULL;
CREATE INDEX messages_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_line ON messages (line) WHERE line IS NOT NULL;
CREATE INDEX messages_queue ON messages (queue, seq) WHERE queue IS NOT NULL;
CREATE INDEX messages_lag ON messages (queue, user) WHERE queue IS NOT NULL AND finished_at IS NULL;
CREATE INDEX messages_topic ON messages (topic, seq) WHERE topic IS NOT NULL;
CREATE INDEX messages_schedule ON messages (schedule_id, created_at) WHERE schedule_id IS NOT NULL;
CREATE INDEX messages_flow ON messages (flow_key, seq) WHERE flow_key IS NOT NULL;
CREATE INDEX messages_url ON messages (url);
-- Nearly all messages are published on this machine: who reads those reads them in order.
CREATE INDEX messages_caller ON messages (caller_ip)
    WHERE caller_ip <> '127.0.0.1' AND caller_ip <> '::1';

CREATE TABLE schedules (
    user    TEXT NOT NULL,
    name    TEXT NOT NULL,
    next_at INTEGER,
    content BLOB NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;
CREATE INDEX schedules_next ON schedules (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE queues (
    user    TEXT NOT NULL,
    name    TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

CREATE TABLE groups (
    user    TEXT NOT NULL,
    name    TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

CREATE TABLE flow_keys (
    user    TEXT NOT NULL,
    name    TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

CREATE TABLE deduplication (
    user       TEXT NOT NULL,
    key        TEXT NOT NULL,
    message_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user, key)
) WITHOUT ROWID;
CREATE INDEX deduplication_expiry ON deduplication (expires_at);

CREATE TABLE bulk_actions (
    user    TEXT NOT NULL,
    name    TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

-- Workflow runs. What each step changes stands in columns, the rest is one value.
CREATE TABLE runs (
    seq          INTEGER PRIMARY KEY,
    user         TEXT NOT NULL,
    id           TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    state        TEXT NOT NULL,
    url          TEXT NOT NULL,
    completed_at INTEGER,
    updated_at   INTEGER NOT NULL,
    first        INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    steps        INTEGER NOT NULL,
    state_bytes  INTEGER NOT NULL,
    configured   INTEGER NOT NULL,
    flow_key     TEXT,
    caller_ip    TEXT,
    dlq_id       TEXT,
    failure_state TEXT,
    content      BLOB NOT NULL,
    UNIQUE (user, id, created_at)
);
-- At most one run of an id is live.
CREATE UNIQUE INDEX runs_live ON runs (user, id) WHERE state = 'RUN_STARTED';
CREATE INDEX runs_state ON runs (state, seq);
CREATE INDEX runs_url ON runs (url, seq);
CREATE INDEX runs_id ON runs (id);
CREATE INDEX runs_completed ON runs (completed_at, size) WHERE completed_at IS NOT NULL;

CREATE TABLE run_labels (
    label TEXT NOT NULL,
    run   INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    PRIMARY KEY (label, run)
) WITHOUT ROWID;
CREATE INDEX run_labels_run ON run_labels (run);

-- An entry is a message and its position. In a resumed run it is another run's message under an id of
-- its own.
CREATE TABLE run_entries (
    run       INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    idx       INTEGER NOT NULL,
    message   INTEGER NOT NULL REFERENCES messages (seq),
    copied_id TEXT,
    PRIMARY KEY (run, idx)
) WITHOUT ROWID;
CREATE INDEX run_entries_message ON run_entries (message);

CREATE TABLE waiters (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    run     INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    user    TEXT NOT NULL,
    event   TEXT NOT NULL,
    due_at  INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX waiters_event ON waiters (event, user, seq);
CREATE INDEX waiters_due ON waiters (due_at, seq);
CREATE INDEX waiters_run ON waiters (run);

CREATE TABLE notices (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    run     INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    event   TEXT NOT NULL,
    time    INTEGER NOT NULL,
    body    BLOB NOT NULL
);
CREATE INDEX notices_event ON notices (run, event, seq);

CREATE TABLE run_events (
    seq    INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    time   INTEGER NOT NULL,
    state  TEXT NOT NULL,
    step   BLOB,
    detail BLOB NOT NULL
);
CREATE INDEX run_events_run ON run_events (run, seq);
CREATE INDEX messages_run ON messages (run, seq) WHERE run IS NOT NULL;
CREATE INDEX messages_step ON messages (step) WHERE step IS NOT NULL;
CREATE INDEX messages_run_open ON messages (run, seq) WHERE run IS NOT NULL AND finished_at IS NULL;

-- Ids of the cloud's signatures that were accepted, until they expire by themselves (epoch seconds).
CREATE TABLE used_signatures (
    jti       TEXT PRIMARY KEY,
    expires_s INTEGER NOT NULL
) WITHOUT ROWID;

-- What belongs to a message or a run goes with it. SQLite does that by the references, too, but then looks
-- for what they refer to with every row that is written: a tenth of all that writing costs.
CREATE TRIGGER messages_gone AFTER DELETE ON messages BEGIN
    DELETE FROM contents WHERE message = old.seq;
    DELETE FROM labels WHERE message = old.seq;
    DELETE FROM attempts WHERE message = old.seq;
    DELETE FROM events WHERE message = old.seq;
    DELETE FROM dlq WHERE message = old.seq;
END;
CREATE TRIGGER runs_gone AFTER DELETE ON runs BEGIN
    DELETE FROM run_labels WHERE run = old.seq;
    DELETE FROM run_entries WHERE run = old.seq;
    DELETE FROM waiters WHERE run = old.seq;
    DELETE FROM notices WHERE run = old.seq;
    DELETE FROM run_events WHERE run = old.seq;
END;
