"""Every action once: its id (for remapping), keys, words and what it runs.

Key bindings, footer, help and the command palette are all made from this table.
"""

from textual.binding import Binding

from qstash_dev.tui.actions import messages, seeing, server, undoing, walking, writing
from qstash_dev.tui.model.command import Command
from qstash_dev.tui.views import VIEWS

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
        Command("run.restart", "R", "Restart", "Start a workflow run once more, from its beginning",
                _MESSAGE, seeing.only_in("R", "a workflow run (view 8)")),
        Command("run.notify", "N", "Notify", "Send an event that a workflow run waits for",
                _MESSAGE, seeing.only_in("N", "a workflow run (view 8)")),
        Command("walk", "L", "Go to", "Go to what is linked: origin, callback, replay, run, queue",
                _SCREEN, walking.choose),
        Command("undo", "u", "Undo", "Undo the last delete, clear or cancel (for a minute)",
                _MESSAGE, undoing.undo),
        Command("list.clear", "z", "Clear", "Clear the list of finished messages", _MESSAGE,
                messages.clear),
        Command("filter", "slash", "Filter", "Filter the list while you type", _MESSAGE,
                seeing.filter_rows),
        Command("follow", "F", "Follow", "Follow the newest message", _MESSAGE,
                seeing.follow),
        Command("server.pause", "p", "Pause", "Pause or resume all deliveries (views 2, 3 and 7:"
                " the selected schedule, queue or key)", _SERVER, server.pause_or_resume),
        Command("server.clock", "T", "Clock", "Change the clock", _SERVER, server.clock),
        Command("server.skip", "greater_than_sign", "Skip", "Skip to the next event", _SERVER,
                server.skip),
        Command("server.faults", "f", "Faults", "Make deliveries to this route go wrong", _SERVER,
                server.faults),
        *(
            Command(view.command, view.key, view.name, view.help, _SCREEN, seeing.view(view))
            for view in VIEWS
        ),
        Command("detail.previous", "left_square_bracket", "Tab before", "Tab before", _SCREEN,
                seeing.tab(-1)),
        Command("detail.next", "right_square_bracket", "Next tab", "Next tab", _SCREEN,
                seeing.tab(1)),
        Command("detail.reveal", "v", "Reveal", "Show or hide secret headers", _SCREEN,
                seeing.reveal),
        Command("pane.next", "tab", "Pane", "Next pane", _SCREEN, seeing.next_pane),
        Command("pane.zoom", "plus", "Zoom", "Zoom the pane", _SCREEN, seeing.zoom),
        Command("theme", "", "Theme", "Change the colours", _SCREEN, seeing.theme),
        Command("help", "question_mark,f1", "Help", "The keys of the focused pane", _SCREEN,
                seeing.show_help),
        Command("palette", "colon,ctrl+p", "Palette", "All actions by name", _SCREEN,
                seeing.palette),
        Command("back", "escape", "Back", "Leave the detail, clear the filter; never quits",
                _SCREEN, seeing.back),
        Command("quit", "q", "Quit", "Back; on the main screen quit", _SCREEN, seeing.quit),
    )
}  # fmt: skip


def bindings() -> list[Binding]:
    """The key bindings of the app."""
    return [
        Binding(c.keys, f"command('{c.id}')", c.help, show=False, id=c.id)
        for c in COMMANDS.values()
        if c.keys
    ]
