"""The control API under `/_dev/`: for the terminal UI, the commands, the page and tests."""

ALIVE = "/health"
"""Is asked for without a token."""


def is_of_page(path: str) -> bool:
    """Whether a path is one of these files: they tell nothing of this server, and need no token."""
    lower = path.rstrip("/").lower()
    return lower in ("", "/_dev") or lower.startswith("/_dev/page/")
