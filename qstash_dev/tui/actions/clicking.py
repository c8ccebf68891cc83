"""What a click on a part of the status line shows."""

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
            screen.session.trail.clear()
            screen.show_view(screen.session.views[0])
            screen.set_filter(text)
            return
    for word, command in COMMANDS.items():
        if part.startswith(word):
            screen.start(command)
            return
