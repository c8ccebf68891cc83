"""What can be done to what, and the orders to the control API that need nothing but what it is done to.

Texts have the fields of what is meant in braces, `{count}` for how many that are, and once it is done
`{done}` for how many it was done to and the fields of the answer. Pure; knows no face and no server.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.faults import Fault
from qstash_dev.devtools.filter_words import quoted
from qstash_dev.devtools.pages.thing_page import PAUSED
from qstash_dev.devtools.run_documents import RunRow
from qstash_dev.devtools.states import FINISHED
from qstash_dev.devtools.vocabulary import FAULTS, Preset


class Order(NamedTuple):
    """`told` is said when it is done to one, `told_many` when to several; `ask` and `ask_many` are
    questions before. Whatever comes back with an `undo` can be undone. Of a message `{name}` is where
    it goes, as faces write that.
    """

    method: str
    path: str
    told: str
    told_many: str = ""
    ask: str = ""
    ask_many: str = ""


_FIELD = re.compile(r"\{(\w+)\}")


def filled(text: str, values: Mapping[str, Any], how: Callable[[str], str] = str) -> str:
    """A text or path with the values in its place, each written so."""

    def value(found: re.Match[str]) -> str:
        one = values.get(found[1])
        return how(", ".join(one) if isinstance(one, list) else "" if one is None else str(one))

    return _FIELD.sub(value, text)


def _of_messages(verb: str, told: str, told_many: str, ask_many: str = "") -> Order:
    path = f"/_dev/messages/{{id}}/{verb}"
    return Order("POST", path, told, f"{told_many} {{done}} of {{count}} messages.", "", ask_many)


def _of_run(verb: str, told: str, ask: str = "") -> Order:
    path = f"/_dev/workflows/{{id}}/{verb}?created_at={{created_at}}"
    return Order("POST", path, told, ask=ask)


def _of_thing(noun: str, key: str, word: str) -> dict[str, Order]:
    path, user = f"/_dev/{noun}/{{{key}}}", "?user={user}"
    name = f"{word} {{{key}}}"
    return {
        "message.delete": Order("DELETE", path + user, f"Deleted {name}.", ask=f"Delete {name}?"),
        "server.pause": Order("POST", f"{path}/pause{user}", f"Paused {name}."),
        "server.resume": Order("POST", f"{path}/resume{user}", f"Resumed {name}."),
    }


_GROUPS = _of_thing("groups", "name", "group")
_FIRE = Order(
    "POST", "/_dev/schedules/{scheduleId}/run?user={user}", "Fired schedule {scheduleId}: {ids}."
)

ORDERS: dict[str, dict[str, Order]] = {
    "messages": {
        "message.replay": _of_messages(
            "replay", "Replayed {name} as {id}.", "Replayed", "Replay {count} messages?"
        ),
        "message.run": _of_messages(
            "run", "Trying {name} now.", "Trying now:", "Run {count} messages?"
        ),
        "message.cancel": _of_messages(
            "cancel", "Canceled {name}.", "Canceled", "Cancel {count} messages?"
        ),
        "message.arm": _of_messages(
            "arm", "{name} is replayed at the next save of the app's source.", "Armed"
        ),
        "message.disarm": _of_messages("disarm", "Disarmed {name}.", "Disarmed"),
        "message.delete": Order(
            "DELETE",
            "/_dev/messages/{id}",
            "Deleted {name}.",
            "Deleted {done} of {count} messages.",
            ask_many="Delete {count} messages?",
        ),
    },
    "dlq": {
        "message.replay": Order(
            "POST",
            "/_dev/dlq/{dlq_id}/retry",
            "Retried as {id}.",
            "Retried {done} of {count} messages.",
        ),
        "message.delete": Order(
            "DELETE",
            "/_dev/dlq/{dlq_id}",
            "Deleted from the DLQ.",
            "Deleted {done} of {count} from the DLQ.",
            ask_many="Delete {count} entries of the DLQ?",
        ),
    },
    "runs": {
        "message.replay": _of_run("resume", "Resumed as {id}."),
        "message.run": _of_run("run", "It goes on now."),
        "message.cancel": _of_run("cancel", "Canceled.", "Cancel the run {id}?"),
        "run.restart": _of_run(
            "restart", "Restarted as {id}.", "Start {id} once more from the start?"
        ),
    },
    "schedules": {"message.run": _FIRE, **_of_thing("schedules", "scheduleId", "schedule")},
    "queues": _of_thing("queues", "name", "queue"),
    "groups": {"message.delete": _GROUPS["message.delete"]},
    "flow": _of_thing("flow", "flowControlKey", "flow-control key"),
    "server": {
        "server.pause": Order("POST", "/_dev/pause", "All deliveries are paused; p resumes."),
        "server.resume": Order("POST", "/_dev/resume", "Deliveries go on."),
        "run.restart": Order("POST", "/_dev/app/restart", "The app is started again."),
    },
}
"""By what they are about, and by the ids of commands (`vocabulary.COMMANDS`); two of these have an
opposite: `server.resume`, `message.disarm`.
"""

INSTEAD = {
    "message.replay": (("state",), ("RUN_SUCCESS", "RUN_CANCELED"), "run.restart"),
    "message.arm": (("armed",), (True,), "message.disarm"),
    "server.pause": (PAUSED, (True,), "server.resume"),
}
"""The command that is meant where one of the fields of all it is about has one of the values."""


def order_for(what: str, id: str, subjects: Sequence[Mapping[str, Any]]) -> Order:
    """What a command means for these."""
    fields, values, other = INSTEAD.get(id, ((), (), id))
    is_other = all(any(one.get(field) in values for field in fields) for one in subjects)
    return ORDERS[what][other if is_other else id]


def fault_choices(rules: Sequence[Fault], url: str | None) -> list[Preset]:
    """What can go wrong with deliveries to a URL, and an end to the rules that there are."""
    found, path = [], "/_dev/faults"
    if url:
        its = {"filter": quoted("dest", url.partition("?")[0])}
        order = {"method": "POST", "path": path, "told": "The fault is active; f ends it."}
        found = [Preset(k, text, {**order, "json": {**rule, **its}}) for k, text, rule in FAULTS]
    ends = [("c", f"clear all {len(rules)} faults", path)] if rules else []
    for key, rule in zip("xyzuvw", rules, strict=False):
        what = f"{rule.kind} {rule.status or ''}".strip()
        text = f"remove: {what} for {rule.filter or 'everything'} ({rule.hits} times)"
        ends.append((key, text, f"{path}/{rule.id}"))
    order = {"method": "DELETE", "told": "The fault is gone."}
    return found + [Preset(key, text, {**order, "path": its}) for key, text, its in ends]


AGAIN = ("message.replay", "message.edit", "message.delete")
WAITS = ("message.run", "message.cancel", "message.edit")


def message_verbs(row: Row, attempts: int) -> list[str]:
    """Of a message that was tried so often."""
    acts = AGAIN if row.state in FINISHED else WAITS[1:2] if row.state == "active" else WAITS
    compared = ["message.diff"] if row.kind == "replay" or attempts > 1 else []
    armed = ["message.arm"] if row.armed or row.state not in ("delivered", "canceled") else []
    kept = ["message.copy", "message.fixture", "server.faults", "detail.reveal"]
    return [*acts, *compared, *armed, *kept]


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
