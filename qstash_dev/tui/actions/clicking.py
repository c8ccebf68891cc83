"""What a click on a part of the status line shows."""

from qstash_dev.tui.actions import walking
from qstash_dev.tui.screen import Screen

FILTERS = {"held": "is:held", "failed": "state:failed"}
COMMANDS = {
    "dlq": "view.dlq",
    "clock": "server.clock",
    "faults": "server.faults",
    "tunnel": "server.addresses",
    "app": "server.addresses",
    "http": "server.addresses",
    "‖": "server.pause",
    "qstash-dev": "page",
}
"""By how a part of the status line begins."""


def show_part(screen: Screen, part: str) -> None:
    """The messages that were counted, the view, or the menu that the part is about."""
    for word, text in FILTERS.items():
        if part.startswith(word):
            return walking.show_messages(screen, text)
    for word, command in COMMANDS.items():
        if part.startswith(word):
            return screen.start(command)
    return None
