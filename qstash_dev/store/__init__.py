"""SQLite, the source of truth. SQL stays in this room."""
