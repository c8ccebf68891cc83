-- Nearly all messages are published on this machine, and an index of all of them tells nothing.
DROP INDEX messages_caller;
CREATE INDEX messages_caller ON messages (caller_ip)
    WHERE caller_ip <> '127.0.0.1' AND caller_ip <> '::1';
