"""The form in which a message is written or changed before it is sent.

Returns what was entered and sends nothing. What cannot be shown safely in a text field (binary,
control characters, only the beginning known) is kept as it is unless the editor changes it.
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static, TextArea

from qstash_dev.protocol.redact import REDACTED
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.bodies import json_problem
from qstash_dev.tui.render.palette import Line, content

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST_SHOWN = 200_000
NEW = b"{}"
"""The body that a new message begins with."""


class Draft(NamedTuple):
    """A message as it is written; `body` is `None` when it stays as it is."""

    url: str
    method: str
    headers: str
    body: bytes | None


def editable(body: bytes) -> bool:
    """Whether a text field can show the body so that nothing is lost or played on the screen."""
    if len(body) > MOST_SHOWN:
        return False
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    plain = text.replace("\n", "").replace("\t", "")
    return fmt.safe(plain) == plain


def header_pairs(text: str) -> list[tuple[str, str]]:
    """`Name: value` lines as pairs. Raises ValueError with the line that is not one."""
    pairs = []
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise ValueError(f'A header is "Name: value", not "{line.strip()}".')
        if colon:
            pairs.append((name.strip(), value.strip()))
    return pairs


class MessageForm(ModalScreen[Draft | None]):
    """Destination, method, headers and body; ctrl+s accepts, escape gives up."""

    DEFAULT_CSS = """
    MessageForm { align: center middle; }
    MessageForm > .box { width: 90%; max-width: 120; height: 90%; max-height: 40;
                         border: round $primary; background: $surface; padding: 0 1; }
    MessageForm Label { color: $dim; height: 1; margin-top: 1; }
    MessageForm Horizontal { height: 1; }
    MessageForm #method { width: 10; }
    MessageForm #url { width: 1fr; }
    MessageForm #headers { height: 1fr; min-height: 3; }
    MessageForm #body { height: 3fr; min-height: 4; }
    MessageForm #problem { height: 1; color: $text-error; }
    MessageForm TextArea, MessageForm Input { background: $background; border: none; padding: 0 1; }
    MessageForm TextArea:focus, MessageForm Input:focus {
        background: $panel; border: none; background-tint: $panel 0%;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Send", show=False, priority=True),
        Binding("ctrl+o", "editor", "Editor", show=False, priority=True),
        Binding("escape", "give_up", "Cancel", show=False),
    ]

    def __init__(
        self,
        title: str,
        draft: Draft,
        edit: Callable[[bytes], bytes],
        note: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._draft = draft
        self._edit = edit
        self._note = note
        self._body = draft.body or b""
        self._in_field = editable(self._body)

    def compose(self) -> ComposeResult:
        """The fields."""
        draft = self._draft
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content("ctrl+s send  ctrl+o $EDITOR  tab next  esc cancel")
            yield Label("Method and destination")
            with Horizontal():
                yield Input(draft.method, id="method", compact=True)
                yield Input(fmt.safe(draft.url), id="url", compact=True)
            yield Label("Headers, one a line; Upstash-… configure the message")
            yield TextArea(draft.headers, id="headers")
            yield Label("Body")
            yield TextArea(self._shown(), id="body", read_only=not self._in_field)
            yield Static("", id="problem")

    def on_mount(self) -> None:
        """Begin in the body: that is what is changed most; for a new message where it goes."""
        self.query_one("#body" if self._draft.body != NEW else "#url").focus()
        self._judge()

    def on_text_area_changed(self) -> None:
        """Say at once where JSON breaks."""
        self._judge()

    def action_accept(self) -> None:
        """Return what was entered, if it can be read."""
        problem = self._complaint()
        if problem is not None:
            self._say([("✗ ", "error"), (fmt.safe(problem), "error")])
            return
        url = self.query_one("#url", Input).value.strip()
        shown = fmt.safe(self._draft.url)
        self.dismiss(
            Draft(
                self._draft.url if url == shown else url,
                self.query_one("#method", Input).value.strip().upper(),
                self.query_one("#headers", TextArea).text,
                self._entered(),
            )
        )

    def action_editor(self) -> None:
        """Change the body in the person's own editor."""
        self._body = self._edit(self._entered())
        self._in_field = editable(self._body)
        area = self.query_one("#body", TextArea)
        area.read_only = not self._in_field
        area.text = self._shown()

    def action_give_up(self) -> None:
        self.dismiss(None)

    def _entered(self) -> bytes:
        if not self._in_field:
            return self._body
        return self.query_one("#body", TextArea).text.encode()

    def _shown(self) -> str:
        if self._in_field:
            return self._body.decode()
        return (
            f"({fmt.size(len(self._body))} that a text field cannot show: kept as it is; "
            "ctrl+o opens it in $EDITOR)"
        )

    def _complaint(self) -> str | None:
        url, method = (self.query_one(f"#{id}", Input).value.strip() for id in ("url", "method"))
        if not url:
            return "The destination is missing: a URL, or the name of a URL group."
        if method.upper() not in METHODS:
            return f'The method is one of {", ".join(METHODS)}, not "{method}".'
        try:
            header_pairs(self.query_one("#headers", TextArea).text)
        except ValueError as error:
            return str(error)
        return None

    def _judge(self) -> None:
        """Warn of JSON that breaks; it may still be sent, for that is worth testing too."""
        headers = self.query_one("#headers", TextArea).text.lower()
        body = self.query_one("#body", TextArea).text if self._in_field else ""
        is_hash = body.startswith(REDACTED) and body.encode() == self._draft.body
        problem = json_problem(body) if body and "json" in headers and not is_hash else None
        if problem is not None:
            self._say([("! ", "warning"), (problem, "warning")])
        else:
            self._say([(self._note, "muted")] if self._note else [])

    def _say(self, line: Line) -> None:
        self.query_one("#problem", Static).update(content(line))
