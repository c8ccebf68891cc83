-- What the endpoints of a URL group get is stored once.
CREATE TABLE bodies (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
ALTER TABLE contents ADD COLUMN shared INTEGER;
CREATE INDEX contents_shared ON contents (shared) WHERE shared IS NOT NULL;
-- A message of many that are accepted together, until the last of them is there.
ALTER TABLE messages ADD COLUMN intake INTEGER;
CREATE INDEX messages_intake ON messages (intake) WHERE intake IS NOT NULL;
