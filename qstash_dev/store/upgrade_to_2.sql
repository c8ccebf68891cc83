-- What the filters of the log name can be looked up.
CREATE INDEX messages_url ON messages (url);
CREATE INDEX messages_host ON messages (host);
CREATE INDEX messages_path ON messages (path);
CREATE INDEX messages_caller ON messages (caller_ip);
