-- A callback keeps a place in a queue also when the message whose place it is was forgotten.
ALTER TABLE messages ADD COLUMN line_queue TEXT;
UPDATE messages SET line_queue = (SELECT queue FROM messages s WHERE s.id = messages.line)
WHERE line IS NOT NULL;
