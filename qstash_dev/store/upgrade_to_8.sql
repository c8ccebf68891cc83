-- What belongs to a message or a run goes with it, without a look at these for every row that is written.
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
