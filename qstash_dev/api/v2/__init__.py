"""QStash's API, one file for each resource: parses, asks the engine or the store, answers."""
