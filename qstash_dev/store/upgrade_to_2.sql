-- What the filters of the log name can be looked up.
CREATE INDEX messages_url ON messages (url);
CREATE INDEX messages_host ON messages (host);
CREATE INDEX messages_path ON messages (path);
CREATE INDEX messages_caller ON messages (caller_ip);
-- What is redacted is searched as it is shown. Specs name only what is set.
ALTER TABLE contents ADD COLUMN redacted INTEGER NOT NULL DEFAULT 0;
UPDATE contents SET redacted = 1 WHERE instr(spec, CAST('redact' AS BLOB));
-- A callback keeps a place in a queue also when the message whose place it is was forgotten.
ALTER TABLE messages ADD COLUMN line_queue TEXT;
UPDATE messages SET line_queue = (SELECT queue FROM messages s WHERE s.id = messages.line)
WHERE line IS NOT NULL;
