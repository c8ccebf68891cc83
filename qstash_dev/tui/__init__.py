"""The terminal UI: a pure client of the control API."""
