"""qstash-dev: QStash on localhost, with a terminal UI."""

__version__ = "0.1.0"
