-- How often the same was published again, and dropped as a duplicate of this message.
ALTER TABLE messages ADD COLUMN duplicates INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_step ON messages (step) WHERE step IS NOT NULL;
