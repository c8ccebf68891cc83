"""Actions that write: edit and replay, send, save as fixture; and those that look closely.

Secrets are asked for only where the person is about to change or copy them.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from heapq import nlargest
from typing import Any

from qstash_dev.devtools.diff import Compared, attempt_diff, message_diff
from qstash_dev.devtools.documents import Detail
from qstash_dev.devtools.written import absolute, body_document, publish_headers
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.redact import REDACTED
from qstash_dev.protocol.urls import below
from qstash_dev.tui.editor import editor_command, open_body, reader_command, suffix_of
from qstash_dev.tui.model import fixtures
from qstash_dev.tui.model.drafts import Draft
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line, rule
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.forms import NEW, MessageForm, Writing
from qstash_dev.tui.widgets.prompts import Choice, Menu, Reader, numbered

LOOKED_AT = 500
"""So many of the newest messages are looked at for destinations: a form opens at once."""
SEND = "send"
"""The name of the draft that is no change of a message."""
LEFT = f"What is {REDACTED}… is delivered as it was, unless you write another value."


HASHED = "Its redacted fields are known here only as hashes: write them anew."


async def edit(screen: Screen) -> None:
    """Change body, headers, destination or method, then replay with what was changed."""
    if screen.session.message_id is None:
        return screen.say("Nothing to edit: the list is empty.", "warning")
    detail = await screen.session.client.message(screen.session.message_id, reveal=True)
    body = await screen.session.client.body(detail.row.id)
    headers = "\n".join(f"{name}: {value}" for name, value in detail.request.headers)
    before = Draft(detail.request.url, detail.request.method, headers, body)
    hidden = any(value.startswith(REDACTED) for _, value in detail.request.headers)
    hidden = hidden or body.startswith(REDACTED.encode())

    async def replay(after: Draft) -> None:
        new = await screen.session.client.replay(detail.row.id, changes(before, after))
        screen.say(f"Replayed as {new}.")

    id, note = detail.row.id, LEFT if hidden else ""
    kept = screen.desk.drafts.get(id)
    written = Writing(f"Edit and replay {id}", before, kept, note, is_publish=False)
    return await _write(screen, id, written, replay)


def changes(before: Draft, after: Draft) -> dict[str, object]:
    """Only what differs, in the words of the control API."""
    found: dict[str, object] = {}
    if after.url != before.url:
        found["url"] = after.url
    if after.method != before.method:
        found["method"] = after.method
    if after.headers != before.headers:
        found["headers"] = after.headers
    if after.body is not None and after.body != before.body:
        found["body"] = body_document(after.body)
    return found


async def send(screen: Screen) -> None:
    """Publish a new message, or one that was saved as a fixture."""
    draft = _new_draft(screen)
    if saved := fixtures.found_in(screen.desk.fixtures):
        words = "your draft" if SEND in screen.desk.drafts else "new message"
        new: Choice[Any] = Choice("n", words, draft)
        old = numbered(((path.stem, path) for path in saved), but="n")
        chosen = await screen.ask(Menu[Any]("Send", [new, *old]))
        if chosen is None:
            return None
        if not isinstance(chosen, Draft):
            return await _compose(screen, chosen.stem, "Send a message", fixtures.load(chosen))
    return await _compose(screen, SEND, "Send a message", draft)


async def send_with(screen: Screen, name: str, title: str, headers: str) -> None:
    """Publish a new message that begins with these headers; its draft has a name of its own."""
    await _compose(screen, name, title, _new_draft(screen, headers))


def _new_draft(screen: Screen, *headers: str) -> Draft:
    lines = "\n".join(("Content-Type: application/json", *headers))
    return Draft(f"{_app_url(screen)}/api/", "POST", lines, NEW)


def _app_url(screen: Screen) -> str:
    return screen.session.feed.server.app.url or "http://localhost:3000"


async def send_like(screen: Screen) -> None:
    """Publish a new message that begins as the selected one was, with its options."""
    id = screen.session.message_id
    if id is None:
        return screen.say("Nothing to send again: select a message.", "warning")
    detail = await screen.session.client.message(id, reveal=True)
    body = await screen.session.client.body(id)
    note = HASHED if detail.spec.get("redact") else ""
    draft = fixtures.draft_like(detail, body)
    return await _compose(screen, f"like {id}", f"Send like {id}", draft, note)


async def _compose(screen: Screen, name: str, title: str, draft: Draft, note: str = "") -> None:
    """Show the form of a message that is to be published."""
    drafts, seen = screen.desk.drafts, _destinations(screen)
    written = Writing(title, draft, drafts.get(name), note, is_publish=True, seen=seen)
    await _write(screen, name, written, partial(_publish, screen))


async def _write(
    screen: Screen, name: str, written: Writing, send: Callable[[Draft], Awaitable[None]]
) -> None:
    """Show the form; what is left unsent is kept under `name`, and offered the next time."""

    def in_editor(body: bytes) -> bytes:
        suffix = suffix_of("json" if "json" in written.draft.headers else None, body)
        return open_body(
            body, suffix, editor_command(screen.desk.environment), screen.desk.run_program
        )

    drafts = screen.desk.drafts
    form = MessageForm(written, in_editor, send, partial(drafts.note, name))
    await screen.ask(form)
    if drafts.keep():
        screen.say("Kept as a draft: the next time it is there again.")


def _destinations(screen: Screen) -> list[str]:
    """Those seen, the latest first, and as paths where they are the app's own."""
    feed = screen.session.feed
    rows = nlargest(LOOKED_AT, feed.rows.values(), key=lambda row: row.seq)
    urls = dict.fromkeys(row.url for row in rows)
    own = [path for url in urls if (path := below(url, feed.server.app.url)) is not None]
    return [*urls, *own, *dict.fromkeys(row.topic for row in rows if row.topic)]


async def _publish(screen: Screen, draft: Draft) -> None:
    app = _app_url(screen)
    url, headers = absolute(draft.url, app), publish_headers(draft.headers, draft.method, app)
    token = screen.session.feed.server.env.get("QSTASH_TOKEN")
    answer = await screen.session.client.publish(url, draft.body or b"", headers, token)
    if isinstance(answer, dict) and (schedule := answer.get("scheduleId")) is not None:
        screen.session.go_to_new("schedules", schedule)
        return screen.say(f"Made schedule {schedule}.")
    ids = [a.get("messageId", "?") for a in (answer if isinstance(answer, list) else [answer])]
    screen.say(f"Published {', '.join(ids)}.")
    screen.session.feed.resume()
    return None


async def save_fixture(screen: Screen) -> None:
    """Save the selected message to be sent again later."""
    if screen.session.message_id is not None:
        detail = await screen.session.client.message(screen.session.message_id)
        if detail.spec.get("redact"):
            screen.say("Its redacted fields are not known here: it cannot be saved.", "warning")
        else:
            body = await screen.session.client.body(detail.row.id)
            path = fixtures.save(detail, body, screen.desk.fixtures)
            screen.say(f"Saved as {path}; s sends it.")


async def open_whole(screen: Screen) -> None:
    """Open the body that the detail shows, whole, in $EDITOR or the pager."""
    if screen.session.message_id is None:
        return
    detail = await screen.session.client.message(screen.session.message_id)
    number, kind = _shown_body(screen.panes.detail.page_name, detail)
    body = await screen.session.client.body(detail.row.id, number)
    command = reader_command(screen.desk.environment)
    open_body(body, suffix_of(kind, body), command, screen.desk.run_program)


def _shown_body(page: str, detail: Detail) -> tuple[int | None, str | None]:
    """The attempt whose answer is meant (`None`: the published body), and the content type."""
    last = detail.attempts[-1] if detail.attempts else None
    if page == "Request" or last is None or last.response is None:
        return None, detail.row.content_type
    return last.number, first(last.response.headers, "content-type")


async def diff(screen: Screen) -> None:
    """Compare the two marked messages, else the last two attempts of the selected one."""
    marks = list(screen.session.feed.marks)
    if len(marks) == 2:
        old, new = [await screen.session.client.message(id) for id in marks]
        return _read(screen, "Two messages", message_diff(old, new))
    id = screen.session.message_id
    detail = await screen.session.client.message(id) if id else None
    if detail is None or len(detail.attempts) < 2:
        return screen.say(
            "Mark two messages, or select one with two attempts, to compare.", "warning"
        )
    return _read(screen, "The last two attempts", attempt_diff(*detail.attempts[-2:]))


def _read(screen: Screen, title: str, parts: list[Compared]) -> None:
    lines: list[Line] = []
    for part in parts:
        lines += [rule(part.title)]
        lines += [[(fmt.safe(line.text), line.role)] for line in part.lines]
        lines += [[], *([] if part.lines else [[("the same", "muted")], []])]
    screen.open_dialog(Reader(title, lines))
