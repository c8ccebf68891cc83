"""Actions on schedules, queues, URL groups, flow-control keys and dead letters."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from qstash_dev.client import Deleted, DlqEntry, Fired, Made
from qstash_dev.tui.widgets.prompts import Confirm

if TYPE_CHECKING:
    from qstash_dev.tui.app import QstashApp

NOUNS = {
    1: ("schedules", "scheduleId", "schedule"),
    2: ("queues", "name", "queue"),
    3: ("groups", "name", "group"),
    6: ("flow", "flowControlKey", "flow-control key"),
}
PAUSABLE = (1, 2, 6)


async def fire(app: "QstashApp") -> None:
    """Fire the selected schedule now."""
    if (path := _path(app)) is not None:
        fired = await app.client.ask("POST", f"{path}/run", Fired, params=_user(app))
        app.say(f"Fired: {', '.join(fired.ids)}.")


async def pause_or_resume(app: "QstashApp") -> None:
    """Pause the selected schedule, queue or flow-control key, or let it go on."""
    item, path = app.session.lists.item(app.session.view), _path(app)
    if path is None or app.session.view not in PAUSABLE:
        return
    paused = item.get("isPaused", item.get("paused", False))
    verb = "resume" if paused else "pause"
    await app.client.request("POST", f"{path}/{verb}", params=_user(app))
    app.session.lists.forget()
    app.say(f"{verb.capitalize()}d {_name(app)}.")


async def delete(app: "QstashApp") -> None:
    """Delete the selected schedule, queue, group or flow-control key after a question."""
    path = _path(app)
    if path is None or not await app.ask(Confirm(f"Delete {_name(app)}?")):
        return
    await app.client.request("DELETE", path, params=_user(app))
    app.session.lists.forget()
    app.say("Deleted.")


async def delete_dead_letter(app: "QstashApp") -> None:
    """Delete the selected entry of the DLQ."""
    entry = app.session.lists.item(4)
    if isinstance(entry, DlqEntry):
        path = f"/_dev/dlq/{quote(entry.dlq_id, safe='')}"
        answer = await app.client.ask("DELETE", path, Deleted)
        app.session.lists.forget()
        app.offer_undo("Deleted from the DLQ.", [answer.undo])


async def retry_dead_letter(app: "QstashApp") -> None:
    """Send the selected entry again as QStash does: a new message, the entry goes."""
    entry = app.session.lists.item(4)
    if isinstance(entry, DlqEntry):
        path = f"/_dev/dlq/{quote(entry.dlq_id, safe='')}/retry"
        made = await app.client.ask("POST", path, Made)
        app.session.lists.forget()
        app.say(f"Retried as {made.id}.")


def _name(app: "QstashApp") -> str:
    _, key, word = NOUNS[app.session.view]
    return f"{word} {app.session.lists.item(app.session.view).get(key)}"


def _path(app: "QstashApp") -> str | None:
    item = app.session.lists.item(app.session.view)
    if app.session.view not in NOUNS or item is None:
        return None
    noun, key, _ = NOUNS[app.session.view]
    return f"/_dev/{noun}/{quote(str(item.get(key, '')), safe='')}"


def _user(app: "QstashApp") -> dict[str, str | int | None]:
    return {"user": app.session.lists.item(app.session.view).get("user")}
