"""Every action with what it runs, by its id; keys and words are those of the vocabulary.

Key bindings, footer, help and the command palette are all made from this table.
"""

from textual.binding import Binding

from qstash_dev.devtools import vocabulary
from qstash_dev.tui.actions import (
    arranging,
    filtering,
    messages,
    seeing,
    server,
    undoing,
    walking,
    writing,
)
from qstash_dev.tui.actions.ordering import about_messages
from qstash_dev.tui.model.command import Command
from qstash_dev.tui.model.view import Verb
from qstash_dev.tui.views import VIEWS

RUNS: dict[str, Verb] = {
    "message.replay": messages.replay,
    "message.edit": writing.edit,
    "message.run": about_messages("message.run"),
    "message.cancel": about_messages("message.cancel"),
    "message.send": writing.send,
    "message.like": writing.send_like,
    "message.mark": messages.mark,
    "message.unmark": messages.unmark,
    "message.copy": messages.copy,
    "message.open": writing.open_whole,
    "message.diff": writing.diff,
    "message.arm": about_messages("message.arm"),
    "message.fixture": writing.save_fixture,
    "message.delete": messages.delete,
    "run.restart": server.restart_app,
    "run.notify": seeing.only_in("N", "a workflow run (view 8)"),
    "thing.create": seeing.only_in(
        "c", "schedules, queues, groups and flow-control keys (views 2, 3, 4 and 7)"
    ),
    "server.addresses": server.addresses,
    "walk": walking.choose,
    "undo": undoing.undo,
    "list.clear": messages.clear,
    "filter.trouble": filtering.only_trouble,
    "filter.saved": filtering.choose_saved,
    "message.mark_all": messages.mark_all,
    "filter": filtering.open_line,
    "follow": seeing.follow,
    "server.pause": server.pause_or_resume,
    "server.clock": server.clock,
    "server.skip": server.skip,
    "server.faults": server.faults,
    "detail.previous": seeing.tab(-1),
    "detail.next": seeing.tab(1),
    "detail.reveal": seeing.reveal,
    "pane.next": lambda screen: screen.panes.focus_next(),
    "pane.zoom": lambda screen: screen.panes.zoom(),
    "page": seeing.open_page,
    "columns": arranging.choose,
    "theme": lambda screen: screen.search_themes(),
    "help": seeing.show_help,
    "palette": seeing.palette,
    "record": seeing.record,
    "back": seeing.back,
    "quit": seeing.quit,
    **{view.command: seeing.view(view) for view in VIEWS},
}

COMMANDS: dict[str, Command] = {
    words.id: Command(*words, RUNS[words.id]) for words in vocabulary.COMMANDS
}


def bindings() -> list[Binding]:
    """The key bindings of the app."""
    return [
        Binding(c.keys, f"command('{c.id}')", c.help, show=False, id=c.id)
        for c in COMMANDS.values()
        if c.keys
    ]
