-- Hosts and paths are found by the URLs, and each index costs every message.
DROP INDEX messages_host;
DROP INDEX messages_path;
