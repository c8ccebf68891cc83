"""Actions on schedules, queues, URL groups, flow-control keys and dead letters.

Which of them is meant, the view says.
"""

from qstash_dev.client.paths import path_of
from qstash_dev.devtools.control_documents import Deleted, Fired, Made
from qstash_dev.devtools.documents import DlqEntry
from qstash_dev.devtools.pages.thing_page import is_paused
from qstash_dev.tui.actions.undoing import offer_undo
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Confirm


async def fire(screen: Screen) -> None:
    """Fire the selected schedule now."""
    if (path := _path(screen)) is not None:
        name = _name(screen)
        fired = await screen.session.client.ask("POST", f"{path}/run", Fired, params=_user(screen))
        screen.say(f"Fired {name}: {', '.join(fired.ids)}.")


async def pause_or_resume(screen: Screen) -> None:
    """Pause the selected schedule, queue or flow-control key, or let it go on."""
    item, path = screen.session.item, _path(screen)
    if path is None:
        return
    verb = "resume" if is_paused(item) else "pause"
    name = _name(screen)
    await screen.session.client.request("POST", f"{path}/{verb}", params=_user(screen))
    screen.session.tables.forget()
    screen.say(f"{verb.capitalize()}d {name}.")


async def delete(screen: Screen) -> None:
    """Delete the selected schedule, queue, group or flow-control key after a question."""
    path, user = _path(screen), _user(screen)
    if path is None:
        return
    name = _name(screen)
    if not await screen.ask(Confirm(f"Delete {name}?")):
        return
    answer = await screen.session.client.ask("DELETE", path, Deleted, params=user)
    screen.session.tables.forget()
    offer_undo(screen, f"Deleted {name}.", [answer.undo])


async def delete_dead_letter(screen: Screen) -> None:
    """Delete the selected entry of the DLQ."""
    entry = screen.session.item
    if isinstance(entry, DlqEntry):
        path = path_of("dlq", entry.dlq_id)
        answer = await screen.session.client.ask("DELETE", path, Deleted)
        screen.session.tables.forget()
        offer_undo(screen, f"Deleted {_called(screen, entry)} from the DLQ.", [answer.undo])


async def retry_dead_letter(screen: Screen) -> None:
    """Send the selected entry again as QStash does: a new message, the entry goes."""
    entry = screen.session.item
    if isinstance(entry, DlqEntry):
        path = path_of("dlq", entry.dlq_id, "retry")
        made = await screen.session.client.ask("POST", path, Made)
        screen.session.tables.forget()
        screen.say(f"Retried {_called(screen, entry)} as {made.id}.")


def _called(screen: Screen, entry: DlqEntry) -> str:
    return fmt.called(entry.row.url, screen.session.feed.server.app.url)


def _name(screen: Screen) -> str:
    resource = screen.session.view.resource
    assert resource is not None
    return f"{resource.word} {screen.session.item.get(resource.key)}"


def _path(screen: Screen) -> str | None:
    item, resource = screen.session.item, screen.session.view.resource
    if item is None or resource is None:
        return None
    return path_of(resource.noun, str(item.get(resource.key, "")))


def _user(screen: Screen) -> dict[str, str | int | None]:
    item = screen.session.item
    return {"user": item.get("user") if item is not None else None}
