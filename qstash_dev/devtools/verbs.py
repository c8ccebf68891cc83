"""What can be done to what is selected: ids of `vocabulary.COMMANDS`, the likely ones first. Pure."""

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.run_documents import RunRow
from qstash_dev.devtools.states import FINISHED

AGAIN = ("message.replay", "message.edit", "message.delete")
WAITS = ("message.run", "message.cancel", "message.edit")


def message_verbs(row: Row, attempts: int) -> list[str]:
    """Of a message that was tried so often."""
    acts = AGAIN if row.state in FINISHED else WAITS[1:2] if row.state == "active" else WAITS
    compared = ["message.diff"] if row.kind == "replay" or attempts > 1 else []
    kept = ["message.arm", "message.copy", "message.fixture", "server.faults", "detail.reveal"]
    return [*acts, *compared, *kept]


def run_verbs(row: RunRow) -> list[str]:
    """Of a workflow run."""
    if row.state == "RUN_STARTED":
        events = ["run.notify"] if any(one.kind == "event" for one in row.waits) else []
        return ["message.run", *events, "message.cancel", "message.copy"]
    again = ["message.replay"] if row.state == "RUN_FAILED" else []
    return [*again, "run.restart", "message.copy"]


THINGS = {
    "schedules": ("message.run", "server.pause", "message.delete"),
    "queues": ("server.pause", "message.delete"),
    "groups": ("message.delete",),
    "flow": ("server.pause", "message.delete"),
}
"""Of what has a name, by what the control API calls it."""
