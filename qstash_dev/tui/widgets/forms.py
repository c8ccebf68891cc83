"""The form in which a message is written or changed before it is sent.

It stays until what it is given to send with has taken the message, or the person leaves. What
cannot be shown in a text field (binary, very long) is kept as it is unless the editor changes it;
characters that would play on the screen are shown and written as escapes.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input, Label, Static, TextArea
from textual.widgets._toast import ToastRack
from textual.worker import Worker

from qstash_dev.client import ClientError
from qstash_dev.protocol.redact import REDACTED
from qstash_dev.tui.model.composer import Completion, laid_out_json, put_together, taken_apart
from qstash_dev.tui.model.drafts import Draft, Problem, problem_of, refusal_at
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.bodies import json_problem
from qstash_dev.tui.render.palette import Line, content
from qstash_dev.tui.widgets.writing_fields import HeaderArea, OptionFields, SeenFirst

MOST_SHOWN = 200_000
LABELS = {
    "url": "Method and destination",
    "headers": "Headers, one a line; Upstash-… configure the message",
}
KEYS = "ctrl+s send  ctrl+l JSON  ctrl+o $EDITOR  tab complete  esc draft"
DRAFT = "This is the draft that you left; ctrl+n begins anew."
NEW = b"{}"
"""The body that a new message begins with."""


def editable(body: bytes) -> bool:
    """Whether a text field can show the body so that nothing is lost."""
    if len(body) > MOST_SHOWN:
        return False
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return "\0" not in text


class Writing(NamedTuple):
    """What the form begins with: the draft that was `kept`, if there is one, else `draft`.

    `is_publish`: options can be given, each in a field of its own. `seen` are destinations.
    """

    title: str
    draft: Draft
    kept: Draft | None = None
    note: str = ""
    is_publish: bool = False
    seen: Sequence[str] = ()


class MessageForm(ModalScreen[None]):
    """Destination, method, headers and body; ctrl+s sends, escape leaves.

    Whoever opens it hears of every change: the draft, or `None` when it is as it began or was sent.
    """

    DEFAULT_CSS = """
    MessageForm { align: center middle; }
    MessageForm > .box { width: 90%; max-width: 120; height: 90%; max-height: 40;
                         border: round $primary; background: $surface; padding: 0 1; }
    MessageForm > .box > Label {
        color: $dim; height: auto; max-height: 3; width: 1fr; margin-top: 1;
    }
    MessageForm.-low > .box > Label { margin-top: 0; }
    MessageForm.-low > .box { height: 100%; }
    MessageForm > .box > Label.-wrong { color: $text-error; text-style: bold; }
    MessageForm Horizontal { height: 1; }
    MessageForm #method { width: 10; }
    MessageForm #url { width: 1fr; }
    MessageForm #headers { height: 1fr; min-height: 3; }
    MessageForm #body { height: 3fr; min-height: 4; }
    MessageForm #problem { height: auto; min-height: 1; max-height: 4; color: $text-error; }
    MessageForm TextArea, MessageForm Input { background: $background; border: none; padding: 0 1; }
    MessageForm TextArea:focus, MessageForm Input:focus {
        background: $panel; border: none; background-tint: $panel 0%;
    }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "lay_out", "Lay out JSON", show=False, priority=True),
        Binding("ctrl+s", "accept", "Send", show=False, priority=True),
        Binding("ctrl+o", "editor", "Editor", show=False, priority=True),
        Binding("ctrl+n", "begin_anew", "Begin anew", show=False, priority=True),
        Binding("escape", "leave", "Leave", show=False),
    ]

    def __init__(
        self,
        writing: Writing,
        edit: Callable[[bytes], bytes],
        send: Callable[[Draft], Awaitable[None]],
        hear: Callable[[Draft | None], None],
    ) -> None:
        super().__init__()
        kept, note = writing.kept, writing.note
        self._writing = writing
        self._draft = self._in_order(writing.draft)
        self._send = send
        self._hear = hear
        self._sending: Worker[None] | None = None
        self._edit = edit
        self._note = f"{DRAFT} {note}".strip() if kept is not None else note
        self._begin = self._draft if kept is None else kept
        self._body = self._begin.body or b""
        self._in_field = editable(self._body)

    def _in_order(self, draft: Draft) -> Draft:
        """The same, with the options that have fields of their own as these give them."""
        headers = put_together(*taken_apart(draft.headers))
        return draft._replace(headers=headers) if self._writing.is_publish else draft

    def compose(self) -> ComposeResult:
        """The fields."""
        draft, writing = self._begin, self._writing
        values, headers = taken_apart(draft.headers) if writing.is_publish else ({}, draft.headers)
        self._options = OptionFields(values) if writing.is_publish else None
        url = fmt.escaped(draft.url, kept="")
        with Vertical(classes="box") as box:
            box.border_title = Content(writing.title)
            box.border_subtitle = Content(KEYS)
            yield Label(LABELS["url"], id="url-label")
            with Horizontal():
                yield Input(fmt.escaped(draft.method, kept=""), id="method", compact=True)
                yield Input(url, id="url", compact=True, suggester=SeenFirst(writing.seen))
            if self._options is not None:
                yield self._options
            yield Label(LABELS["headers"], id="headers-label")
            yield HeaderArea(fmt.escaped(headers), id="headers")
            yield Label("Body")
            yield TextArea(self._shown(), id="body", read_only=not self._in_field)
            yield Static("", id="problem")

    def on_mount(self) -> None:
        """Begin in the body: that is what is changed most; for a new message where it goes."""
        self.query_one("#body" if self._draft.body != NEW else "#url").focus()
        self.screen_layout_refresh_signal.subscribe(self, self._lift_notices)
        self._judge()

    def on_text_area_changed(self) -> None:
        """Say at once where JSON breaks."""
        self._changed()

    def on_input_changed(self) -> None:
        """What was wrong is being mended."""
        self._changed()

    def on_text_area_selection_changed(self) -> None:
        """Another header is under the cursor."""
        self._help()

    def _changed(self) -> None:
        self._judge()
        written = self._written()
        before = self._draft._replace(body=self._draft.body or b"")
        self._hear(written if written != before else None)

    def action_accept(self) -> None:
        """Send what was entered; the form stays until that was taken."""
        if self._sending is not None and not self._sending.is_finished:
            return
        draft = self._written()
        problem = problem_of(draft)
        if problem is not None:
            self._complain(problem)
        else:
            self._sending = self.run_worker(self._hand_over(draft))

    async def _hand_over(self, draft: Draft) -> None:
        self._say([("Sending …", "muted")])
        try:
            await self._send(draft)
        except (ClientError, ValueError, OSError) as error:
            self._complain(refusal_at(str(error), draft))
        else:
            self._hear(None)
            self.dismiss(None)

    def action_editor(self) -> None:
        """Change the body in the person's own editor."""
        self._body = self._edit(self._entered())
        self._in_field = editable(self._body)
        area = self.query_one("#body", TextArea)
        area.read_only = not self._in_field
        area.text = self._shown()

    def action_begin_anew(self) -> None:
        """Forget the draft that was kept."""
        self._note = self._note.removeprefix(DRAFT).strip()
        self._body = self._draft.body or b""
        self._in_field = editable(self._body)
        self.query_one("#method", Input).value = self._draft.method
        self.query_one("#url", Input).value = fmt.escaped(self._draft.url, kept="")
        self._show_headers(self._draft.headers)
        area = self.query_one("#body", TextArea)
        area.read_only, area.text = not self._in_field, self._shown()

    def action_lay_out(self) -> None:
        """Write the JSON of the body with one value a line."""
        area = self.query_one("#body", TextArea)
        shown = laid_out_json(fmt.unescaped(area.text)) if self._in_field else None
        if shown is not None:
            area.text = fmt.escaped(shown)
        else:
            self._say([("! ", "warning"), ("Only JSON can be laid out.", "warning")])

    def action_leave(self) -> None:
        """Leave; what was changed is kept."""
        self._changed()
        self.dismiss(None)

    def _written(self) -> Draft:
        return Draft(
            fmt.unescaped(self.query_one("#url", Input).value.strip()),
            fmt.unescaped(self.query_one("#method", Input).value.strip().upper()),
            self._headers(),
            self._entered(),
        )

    def _headers(self) -> str:
        text = fmt.unescaped(self.query_one("#headers", TextArea).text)
        return text if self._options is None else put_together(self._options.values, text)

    def _show_headers(self, headers: str) -> None:
        if self._options is not None:
            self._options.values, headers = taken_apart(headers)
        self.query_one("#headers", TextArea).text = fmt.escaped(headers)

    def _entered(self) -> bytes:
        if not self._in_field:
            return self._body
        return fmt.unescaped(self.query_one("#body", TextArea).text).encode()

    def _shown(self) -> str:
        if self._in_field:
            return fmt.escaped(self._body.decode())
        return (
            f"({fmt.size(len(self._body))} that a text field cannot show: kept as it is; "
            "ctrl+o opens it in $EDITOR)"
        )

    def _complain(self, problem: Problem) -> None:
        """Say what is wrong at its field, and put the cursor there."""
        text = f"✗ {fmt.safe(problem.text)}"
        label = {"method": "url"}.get(problem.field, problem.field)
        if label not in LABELS:
            return self._say([(text, "error")])
        self._say([])
        self._show_labels(label, text)
        field, line = self._place_of(problem)
        field.focus()
        if isinstance(field, TextArea):
            field.move_cursor((line, 0))
        return None

    def _place_of(self, problem: Problem) -> tuple[Widget, int]:
        """The field, and the line in it: the first header lines may have fields of their own."""
        line = problem.line
        if problem.field == "headers" and self._options is not None:
            given = [name for name, value in self._options.values.items() if value]
            if line < len(given):
                return self.query_one(f"#{given[line].lower()}"), 0
            line -= len(given)
        return self.query_one(f"#{problem.field}"), line

    def _show_labels(self, wrong: str = "", text: str = "") -> None:
        for name, words in LABELS.items():
            label = self.query_one(f"#{name}-label", Label)
            label.set_class(name == wrong, "-wrong")
            label.update(Content(text if name == wrong else words))

    def _judge(self) -> None:
        """Warn of JSON that breaks; it may still be sent, for that is worth testing too."""
        self._show_labels()
        self._help()
        area = self.query_one("#headers", HeaderArea)
        headers = area.text.lower()
        body = fmt.unescaped(self.query_one("#body", TextArea).text) if self._in_field else ""
        is_hash = body.startswith(REDACTED) and body.encode() == self._draft.body
        problem = json_problem(body) if body and "json" in headers and not is_hash else None
        if problem is not None:
            self._say([("! ", "warning"), (problem, "warning")])
        else:
            self._say([(self._note, "muted")] if self._note else [])

    def _help(self) -> None:
        """Say what the header under the cursor does, or how it may go on."""
        label, area = self.query_one("#headers-label", Label), self.query_one(HeaderArea)
        if label.has_class("-wrong") or self._options is None:
            return
        offered = area.completion if area.has_focus else Completion()
        line: Line = [(LABELS["headers"], "")]
        if offered.names or offered.help:
            line = [("  ".join(offered.names), "key"), (f"  {offered.help}", "")]
        label.update(content(line))

    def _say(self, line: Line) -> None:
        self.query_one("#problem", Static).update(content(line))

    def _lift_notices(self, _: Screen[Any]) -> None:
        """Notices of the corner stand above what is said of the message, never on it."""
        for problem in self.query("#problem"):  # none: the form was closed meanwhile
            for rack in self.query(ToastRack):
                rack.styles.margin = (0, 0, self.size.height - problem.region.y, 0)
