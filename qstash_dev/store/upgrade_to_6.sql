-- Ids of the cloud's signatures that were accepted, until they expire by themselves (epoch seconds).
CREATE TABLE used_signatures (
    jti       TEXT PRIMARY KEY,
    expires_s INTEGER NOT NULL
) WITHOUT ROWID;
