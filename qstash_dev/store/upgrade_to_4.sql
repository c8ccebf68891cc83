-- How often the same was published again, and dropped as a duplicate of this message.
ALTER TABLE messages ADD COLUMN duplicates INTEGER NOT NULL DEFAULT 0;
