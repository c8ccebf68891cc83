"""The control API under `/_dev/`: for the terminal UI, the commands, the page and tests."""

ALIVE = "/health"
"""Is asked for without a token."""
