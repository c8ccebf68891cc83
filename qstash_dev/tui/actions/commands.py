"""Every action once: its id (for remapping), keys, words and what it runs.

Key bindings, footer, help and the command palette are all made from this table.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from qstash_dev.tui.actions import messages, screen, server, writing

if TYPE_CHECKING:
    from qstash_dev.tui.app import QstashApp


class Command(NamedTuple):
    """`keys` as Textual names them, separated by commas; `hint` is the word in the footer."""

    id: str
    keys: str
    hint: str
    help: str
    group: str
    run: "Callable[[QstashApp], Awaitable[None] | None]"

    @property
    def is_about_row(self) -> bool:
        """Whether it acts on, or lets somebody read, what is under the cursor."""
        return self.id not in NEUTRAL and not self.id.startswith("view.")


NEUTRAL = frozenset(
    {
        *("message.send", "message.unmark", "list.clear", "filter", "follow", "server.clock"),
        *("server.skip", "theme", "help", "quit", "back", "undo"),
    }
)
"""Commands that are not about any row: they leave a list that follows as it is."""

_MESSAGE, _SERVER, _SCREEN = "Messages", "Server", "Screen"

COMMANDS: dict[str, Command] = {
    command.id: command
    for command in (
        Command("message.replay", "r", "Replay", "Replay the selected or marked; in the DLQ, retry",
                _MESSAGE, messages.replay),
        Command("message.edit", "e", "Edit+replay", "Edit body, headers, destination; then replay",
                _MESSAGE, writing.edit),
        Command("message.run", "n", "Run now", "Try now what is delayed, retrying, held, scheduled",
                _MESSAGE, messages.run_now),
        Command("message.cancel", "X", "Cancel", "Cancel the selected or marked messages", _MESSAGE,
                messages.cancel),
        Command("message.send", "s", "Send", "Publish a new message or a saved fixture", _MESSAGE,
                writing.send),
        Command("message.mark", "space", "Mark", "Mark, and go on to the next", _MESSAGE,
                messages.mark),
        Command("message.unmark", "U", "Unmark all", "Unmark all messages", _MESSAGE,
                messages.unmark),
        Command("message.copy", "y", "Copy", "Copy id, curl, body, headers or the JWT", _MESSAGE,
                messages.copy),
        Command("message.open", "o", "Open", "Open the body in $EDITOR or the pager", _MESSAGE,
                writing.open_whole),
        Command("message.diff", "equals_sign", "Diff", "Compare two marked messages, or attempts",
                _MESSAGE, writing.diff),
        Command("message.arm", "a", "Arm", "Replay when the app's source changes, or no longer",
                _MESSAGE, messages.arm),
        Command("message.fixture", "w", "Fixture", "Save the message as a fixture", _MESSAGE,
                writing.save_fixture),
        Command("message.delete", "d", "Delete", "Delete the selected row", _MESSAGE,
                messages.delete),
        Command("undo", "u", "Undo", "Undo the last delete, clear or cancel (for a minute)",
                _MESSAGE, messages.undo),
        Command("list.clear", "z", "Clear", "Clear the list of finished messages", _MESSAGE,
                messages.clear),
        Command("filter", "slash", "Filter", "Filter the list while you type", _MESSAGE,
                screen.filter_rows),
        Command("follow", "F", "Follow", "Follow the newest message", _MESSAGE,
                screen.follow),
        Command("server.pause", "p", "Pause", "Pause or resume all deliveries (views 2, 3 and 7:"
                " the selected schedule, queue or key)", _SERVER, server.pause_or_resume),
        Command("server.clock", "T", "Clock", "Change the clock", _SERVER, server.clock),
        Command("server.skip", "greater_than_sign", "Skip", "Skip to the next event", _SERVER,
                server.skip),
        Command("server.faults", "f", "Faults", "Make deliveries to this route go wrong", _SERVER,
                server.faults),
        Command("view.messages", "1", "Messages", "Show the messages", _SCREEN,
                screen.view(0)),
        Command("view.schedules", "2", "Schedules", "Show the schedules", _SCREEN,
                screen.view(1)),
        Command("view.queues", "3", "Queues", "Show the queues", _SCREEN, screen.view(2)),
        Command("view.groups", "4", "Groups", "Show the URL groups", _SCREEN,
                screen.view(3)),
        Command("view.dlq", "5", "DLQ", "Show the dead letters", _SCREEN, screen.view(4)),
        Command("view.logs", "6", "Logs", "Show what happened", _SCREEN, screen.view(5)),
        Command("view.flow", "7", "Flow", "Show the flow-control keys", _SCREEN,
                screen.view(6)),
        Command("detail.previous", "left_square_bracket", "Tab before", "Tab before", _SCREEN,
                screen.tab(-1)),
        Command("detail.next", "right_square_bracket", "Next tab", "Next tab", _SCREEN,
                screen.tab(1)),
        Command("detail.reveal", "v", "Reveal", "Show or hide secret headers", _SCREEN,
                screen.reveal),
        Command("pane.next", "tab", "Pane", "Next pane", _SCREEN, screen.next_pane),
        Command("pane.zoom", "plus", "Zoom", "Zoom the pane", _SCREEN, screen.zoom),
        Command("theme", "", "Theme", "Change the colours", _SCREEN, screen.theme),
        Command("help", "question_mark,f1", "Help", "The keys of the focused pane", _SCREEN,
                screen.show_help),
        Command("palette", "colon,ctrl+p", "Palette", "All actions by name", _SCREEN,
                screen.palette),
        Command("back", "escape", "Back", "Leave the detail, clear the filter; never quits",
                _SCREEN, screen.back),
        Command("quit", "q", "Quit", "Back; on the main screen quit", _SCREEN, screen.quit),
    )
}  # fmt: skip

_SYMBOLS = {
    "slash": "/", "equals_sign": "=", "greater_than_sign": ">", "left_square_bracket": "[",
    "right_square_bracket": "]", "plus": "+", "question_mark": "?", "colon": ":",
    "escape": "esc", "ctrl+p": "^p", "ctrl+c": "^c", "pagedown": "pgdn", "pageup": "pgup",
}  # fmt: skip


def bindings() -> list[Binding]:
    """The key bindings of the app."""
    return [
        Binding(c.keys, f"command('{c.id}')", c.help, show=False, id=c.id)
        for c in COMMANDS.values()
        if c.keys
    ]


def key_name(id: str, keymap: Mapping[str, str], which: int = 0) -> str:
    """How the key of a command is written on the screen, with the person's own keys."""
    keys = keymap.get(id, COMMANDS[id].keys).split(",")
    key = keys[min(which, len(keys) - 1)]
    return _SYMBOLS.get(key, key)


def all_keys(id: str, keymap: Mapping[str, str]) -> str:
    """All keys of a command as they are written on the screen."""
    count = len(keymap.get(id, COMMANDS[id].keys).split(","))
    return " ".join(key_name(id, keymap, place) for place in range(count))


class CommandSearch(Provider):
    """The command palette's entries."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for text, command in self._entries():
            yield DiscoveryHit(text, self._runner(command), help=command.help)

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for text, command in self._entries():
            score = max(matcher.match(text), matcher.match(command.help))
            if score > 0:
                shown = matcher.highlight(text)
                yield Hit(score, shown, self._runner(command), help=command.help)

    def _entries(self) -> list[tuple[str, Command]]:
        app: QstashApp = self.app  # type: ignore[assignment]
        hidden = ("palette", "back", "pane.next")
        return [
            (f"{c.hint}  {key_name(c.id, app.keys)}".rstrip(), c)
            for c in COMMANDS.values()
            if c.id not in hidden
        ]

    def _runner(self, command: Command) -> Callable[[], None]:
        app: QstashApp = self.app  # type: ignore[assignment]
        return lambda: app.start(command.id)
