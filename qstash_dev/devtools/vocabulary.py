"""What can be seen and done, in the words that the terminal UI and the page in the browser share.

Names, keys and sentences only; knows neither face, and nothing of how a thing is done.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

_MESSAGE, _SERVER, _SCREEN = "Messages", "Server", "Screen"


class CommandWords(NamedTuple):
    """`keys` are characters, or names that Textual has for keys, separated by commas; `hint` is the
    word in the footer.
    """

    id: str
    keys: str
    hint: str
    help: str
    group: str


class ViewWords(NamedTuple):
    """A view; `empty` is what stands there when it has nothing, `absent` what is said without it;
    `words` are of commands that are called otherwise elsewhere.
    """

    name: str
    key: str
    help: str
    empty: str
    absent: str = ""
    words: Mapping[str, str] = {}


class Preset(NamedTuple):
    """A ready order to the control API: the key that takes it, its text, the document."""

    key: str
    text: str
    order: dict[str, Any]


VIEWS = {
    view.name: view
    for view in (
        ViewWords("Messages", "1", "Show the messages", "No messages."),
        ViewWords(
            "Schedules",
            "2",
            "Show the schedules",
            "No schedules. Publish with Upstash-Cron, or qstash.schedules.create() in your app.",
        ),
        ViewWords(
            "Queues",
            "3",
            "Show the queues",
            "No queues. They appear with the first message that is enqueued.",
        ),
        ViewWords(
            "Groups",
            "4",
            "Show the URL groups",
            "No URL groups. Add endpoints with POST /v2/topics/NAME/endpoints.",
        ),
        ViewWords(
            *("DLQ", "5", "Show the dead letters"),
            "The DLQ is empty: no message ran out of retries.",
            words={"message.replay": "Retry"},
        ),
        ViewWords("Logs", "6", "Show what happened", "Nothing happened yet."),
        ViewWords(
            "Flow",
            "7",
            "Show the flow-control keys",
            "No flow-control keys. They appear with the first message that has one.",
        ),
        ViewWords(
            "Workflows",
            "8",
            "Show the workflow runs",
            "No workflow runs. They appear with the first call of an endpoint that serves a workflow.",
            words={"message.replay": "Resume"},
        ),
    )
}

APP = ViewWords(
    "App",
    "9",
    "Show what the app printed",
    "The app has printed nothing yet.",
    "This server started no app: qstash-dev -- npm run dev starts yours.",
)
"""There only where the server started the app."""

COMMANDS = (
    CommandWords(
        "message.replay",
        "r",
        "Replay",
        "Replay the selected or marked; in the DLQ, retry",
        _MESSAGE,
    ),
    CommandWords(
        "message.edit", "e", "Edit+replay", "Edit body, headers, destination; then replay", _MESSAGE
    ),
    CommandWords(
        "message.run",
        "n",
        "Run now",
        "Try now what is delayed, retrying, held, scheduled",
        _MESSAGE,
    ),
    CommandWords(
        "message.cancel", "X", "Cancel", "Cancel the selected or marked messages", _MESSAGE
    ),
    CommandWords("message.send", "s", "Send", "Publish a new message or a saved fixture", _MESSAGE),
    CommandWords(
        "message.like", "S", "Send like", "Publish a new message like the selected one", _MESSAGE
    ),
    CommandWords("message.mark", "space", "Mark", "Mark, and go on to the next", _MESSAGE),
    CommandWords("message.unmark", "U", "Unmark all", "Unmark all messages", _MESSAGE),
    CommandWords("message.copy", "y", "Copy", "Copy id, curl, body, headers or the JWT", _MESSAGE),
    CommandWords("message.open", "o", "Open", "Open the body in $EDITOR or the pager", _MESSAGE),
    CommandWords("message.diff", "=", "Diff", "Compare two marked messages, or attempts", _MESSAGE),
    CommandWords(
        "message.arm", "a", "Arm", "Replay when the app's source changes, or no longer", _MESSAGE
    ),
    CommandWords("message.fixture", "w", "Fixture", "Save the message as a fixture", _MESSAGE),
    CommandWords("message.delete", "d", "Delete", "Delete the selected row", _MESSAGE),
    CommandWords(
        "run.restart",
        "R",
        "Restart",
        "Start a workflow run once more, or the app that qstash-dev runs",
        _MESSAGE,
    ),
    CommandWords(
        "run.notify", "N", "Notify", "Send an event that a workflow run waits for", _MESSAGE
    ),
    CommandWords(
        "thing.create",
        "c",
        "Create",
        "Make a schedule, queue, URL group or key (in its view)",
        _SERVER,
    ),
    CommandWords(
        "server.addresses",
        "Y",
        "Addresses",
        "Copy an address: server, page, app, tunnel, webhooks of a run",
        _SERVER,
    ),
    CommandWords(
        "walk", "L", "Go to", "Go to what is linked: origin, callback, replay, run, queue", _SCREEN
    ),
    CommandWords(
        "undo", "u", "Undo", "Undo the last delete, clear or cancel (for a minute)", _MESSAGE
    ),
    CommandWords("list.clear", "z", "Clear", "Clear the list of finished messages", _MESSAGE),
    CommandWords("filter", "/", "Filter", "Filter the list while you type", _MESSAGE),
    CommandWords(
        "filter.trouble",
        "!",
        "Not ok",
        "Show only what failed, is retried or held; again: no longer",
        _MESSAGE,
    ),
    CommandWords(
        "filter.saved",
        "'",
        "Saved",
        "Save the filter under a name, or use one that was saved",
        _MESSAGE,
    ),
    CommandWords(
        "message.mark_all",
        "*",
        "Mark all",
        "Mark all that match the filter, or none",
        _MESSAGE,
    ),
    CommandWords("follow", "F", "Follow", "Follow the newest message", _MESSAGE),
    CommandWords(
        "server.pause",
        "p",
        "Pause",
        "Pause or resume all deliveries (views 2, 3 and 7: the selected schedule, queue or key)",
        _SERVER,
    ),
    CommandWords("server.clock", "T", "Clock", "Change the clock", _SERVER),
    CommandWords("server.skip", ">", "Skip", "Skip to the next event", _SERVER),
    CommandWords("server.faults", "f", "Faults", "Make deliveries to this route go wrong", _SERVER),
    *(
        CommandWords(f"view.{view.name.lower()}", view.key, view.name, view.help, _SCREEN)
        for view in (*VIEWS.values(), APP)
    ),
    CommandWords("detail.previous", "[", "Tab before", "Tab before", _SCREEN),
    CommandWords("detail.next", "]", "Next tab", "Next tab", _SCREEN),
    CommandWords("detail.reveal", "v", "Reveal", "Show or hide secret headers", _SCREEN),
    CommandWords("pane.next", "tab", "Pane", "Next pane", _SCREEN),
    CommandWords("pane.zoom", "+", "Zoom", "Zoom the pane", _SCREEN),
    CommandWords("page", "b", "Browser", "Open the page in the browser", _SCREEN),
    CommandWords(
        "columns",
        "C",
        "Columns",
        "Sort by a column, such as the newest first; hide it or show it",
        _SCREEN,
    ),
    CommandWords("theme", "", "Theme", "Change the colours", _SCREEN),
    CommandWords("help", "?,f1", "Help", "The keys of the focused pane", _SCREEN),
    CommandWords("record", "H", "Record", "What was done here, and what came of it", _SCREEN),
    CommandWords("palette", ":,ctrl+p", "Palette", "All actions by name", _SCREEN),
    CommandWords(
        "back", "escape", "Back", "Leave the detail, clear the filter; never quits", _SCREEN
    ),
    CommandWords("quit", "q", "Quit", "Back; on the main screen quit", _SCREEN),
)

CLOCK: tuple[Preset, ...] = (
    Preset("r", "real: as the wall clock", {"mode": "real"}),
    Preset("f", "frozen: time stands still", {"mode": "frozen"}),
    Preset("s", "60x: a minute in a second", {"mode": "scaled", "scale": 60}),
    Preset("h", "3600x: an hour in a second", {"mode": "scaled", "scale": 3600}),
    Preset("1", "one minute ahead", {"advance_ms": 60_000}),
    Preset("2", "one hour ahead", {"advance_ms": 3_600_000}),
    Preset("3", "one day ahead", {"advance_ms": 86_400_000}),
    Preset(">", "to the next event", {"skip": True}),
)

FAULTS: tuple[Preset, ...] = (
    Preset("1", "answer 500 once", {"kind": "status", "status": 500, "times": 1}),
    Preset("5", "answer 500 every time", {"kind": "status", "status": 500}),
    Preset("4", "answer 429 every time", {"kind": "status", "status": 429}),
    Preset("l", "five seconds late", {"kind": "latency", "latency_ms": 5000}),
    Preset("t", "no answer in time", {"kind": "timeout"}),
    Preset("d", "answer lost on the way, once", {"kind": "drop", "times": 1}),
    Preset("2", "delivered twice", {"kind": "duplicate"}),
    Preset("o", "out of order", {"kind": "reorder"}),
    Preset("p", "publish refused with 429", {"kind": "publish", "status": 429}),
)
