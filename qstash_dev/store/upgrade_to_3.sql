-- Workflow runs.
ALTER TABLE messages ADD COLUMN run INTEGER;
ALTER TABLE messages ADD COLUMN call_type TEXT;
ALTER TABLE messages ADD COLUMN step TEXT;
DROP INDEX messages_finished;
CREATE INDEX messages_finished ON messages (finished_at)
    WHERE finished_at IS NOT NULL AND run IS NULL;

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
CREATE INDEX messages_run_open ON messages (run, seq) WHERE run IS NOT NULL AND finished_at IS NULL;
