-- What each message can be chosen by stands in two indexes that are written anyway: for that, all
-- messages were looked at.
DROP INDEX messages_state;
CREATE INDEX messages_state ON messages
    (state, user, seq, finished_at, run, kind, last_status, attempts, created_at)
    WHERE state <> 'DELIVERED';
DROP INDEX messages_finished;
CREATE INDEX messages_finished ON messages
    (run, finished_at, kind, last_status, attempts, created_at) WHERE finished_at IS NOT NULL;
