"""HTTP in, no decisions: parses a request, asks the engine or the store, writes the answer."""
