"""The one-line bars: state of the server, views, tabs of the detail, hints; and the quick start.

Each is a pure function from what is known to a line, and widgets that only show lines.
"""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from qstash_dev.devtools.copies import quick_start
from qstash_dev.devtools.documents import Counts, Server, Tunnel
from qstash_dev.devtools.status import awaited_by, status_of
from qstash_dev.devtools.text import as_sentence
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line, Span, content

GAP: Span = ("   ", "")
HINT_GAP: Span = ("  ", "")
MOST_OF_SCREEN = 5
"""The part of the rows of a screen that tabs may take: a fifth."""


class Bar(Widget):
    """One line of text."""

    DEFAULT_CSS = "Bar { height: 1; padding: 0 1; }"

    class Clicked(Message):
        """Somebody clicked; `part` is the text there between two gaps."""

        def __init__(self, bar: "Bar", part: str) -> None:
            super().__init__()
            self.bar = bar
            self.part = part

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._line: Line = []

    def on_click(self, event: events.Click) -> None:
        """Tell which part of the line is under the pointer."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y:
            return
        start = 0
        for part, gap in _parted(self._line):
            end = start + cell_len(part)
            if start + _indent(part) <= offset.x < end:
                self.post_message(self.Clicked(self, part.strip()))
            start = end + cell_len(gap)

    def show(self, line: Line) -> None:
        """Show this line from now on."""
        if line != self._line:
            self._line = line
            self.refresh()

    def render(self) -> Content:
        """The line, cut at the edge."""
        return content(self._line)


def _parted(line: Line) -> Iterator[tuple[str, str]]:
    """The texts between the gaps, each with the gap behind it."""
    part = ""
    for text, role in line:
        if (text, role) in (GAP, HINT_GAP):
            yield part, text
            part = ""
        else:
            part += text
    yield part, ""


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


class Notice(Bar):
    """As many lines as its text needs; it makes room for itself, and nothing is cut."""

    DEFAULT_CSS = "Notice { height: auto; }"

    def show(self, line: Line) -> None:
        """Show this text from now on."""
        if line != self._line:
            self._line = line
            self.refresh(layout=True)


def _placed(texts: Iterable[str], width: int) -> list[tuple[int, int]]:
    """The row of each text and where it ends there; those that do not fit begin another row."""
    places, y, x = [], 0, 0
    for text in texts:
        cells = cell_len(text)
        y, x = (y + 1, cells) if x and x + cells > width > 0 else (y, x + cells)
        places.append((y, x))
    return places


class Tabs(Bar):
    """Names in a row, or two where they do not fit, of which one is on; a click chooses. Where more
    rows would leave no room for the rest, of the others only the key is there.
    """

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, tabs: "Tabs", place: int) -> None:
            super().__init__()
            self.tabs = tabs
            self.place = place

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._places: list[tuple[int, int]] = []
        self._height = 1
        self._shown: tuple[Sequence[str], int, Sequence[str]] = ((), 0, ())

    def show_tabs(self, names: Sequence[str], on: int, notes: Sequence[str] = ()) -> None:
        """Show the names, each with a note behind it."""
        self._shown = (names, on, notes)
        texts = [
            f"{name} {notes[place]}" if place < len(notes) and notes[place] else name
            for place, name in enumerate(names)
        ]
        width = self.content_size.width
        spaced = _placed((f" {text} " for text in texts), width)
        if width and spaced and spaced[-1][0] >= self.screen.size.height // MOST_OF_SCREEN:
            texts = [
                text if place == on or not text[0].isdigit() else text.split()[0]
                for place, text in enumerate(texts)
            ]
        taken = sum(cell_len(text) + 2 for text in texts)
        # Closer together, if that saves a line.
        gap = "" if taken - len(texts) <= width < taken else " "
        texts = [f"{gap}{text} " for text in texts]
        line: Line = []
        self._places = _placed(texts, width)
        height = 1
        for place, (text, (y, _)) in enumerate(zip(texts, self._places, strict=True)):
            if y == height:
                line.append(("\n", ""))
                height += 1
            line.append((text, "tab-on" if place == on else "tab"))
        if self._height != height:
            self._height = self.styles.height = height
        self.show(line)

    def on_resize(self) -> None:
        """The names may need another line, or one less."""
        self.show_tabs(*self._shown)

    def on_click(self, event: events.Click) -> None:
        """Choose the name under the pointer."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for place, (y, edge) in enumerate(self._places):
            if y == offset.y and offset.x < edge:
                self.post_message(self.Chosen(self, place))
                return


class TextPanel(Widget):
    """Some lines that do not scroll."""

    DEFAULT_CSS = "TextPanel { padding: 0 2; height: 1fr; }"

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        """Show these lines from now on."""
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render(self) -> Content:
        """The lines, wrapped."""
        return Content("\n").join(content(line) for line in self._lines)


def status_line(
    server: Server, counts: Counts, lost: str | None, width: int, progress: str | None = None
) -> Line:
    """The server in one line; what matters least goes first when the room is short."""
    if lost is not None:
        alarm = (" ✗ server gone, connecting again ", "alarm")
        return [("qstash-dev", "title"), GAP, alarm, GAP, (fmt.safe(lost), "error")]
    parts = _parts(server, counts)
    if progress is not None:
        parts.insert(1, (0, [(progress, "accent")]))
    while len(parts) > 1 and _width(parts) > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    return [span for place, (_, spans) in enumerate(parts) for span in [GAP][: place > 0] + spans]


def _parts(server: Server, counts: Counts) -> list[tuple[int, Line]]:
    """(how dispensable, spans), in order of appearance."""
    told = status_of(server, counts).parts
    lines = [(part.rank, [(fmt.safe(one.text), one.role) for one in part.pieces]) for part in told]
    return [(0, [("qstash-dev", "title")]), *lines]


def _width(parts: list[tuple[int, Line]]) -> int:
    return sum(cell_len(text) for _, spans in parts for text, _ in spans) + 3 * (len(parts) - 1)


def tunnel_news(before: Tunnel, now: Tunnel) -> list[tuple[str, str]]:
    """What to tell of a change: (sentence, severity)."""
    news = []
    if now.hint and now.hint != before.hint:
        news.append((now.hint, "error" if now.state == "failed" else "warning"))
    trouble = now.cloud and now.cloud.trouble
    if trouble and trouble != (before.cloud and before.cloud.trouble):
        news.append((as_sentence(trouble), "error"))
    return news


def view_notes(views: Sequence[View], counts: Counts) -> list[str]:
    """The number behind the name of each view."""
    return [str(view.count(counts)) if view.count is not None else "" for view in views]


def view_names(views: Sequence[View]) -> list[str]:
    """The names of the views with their keys."""
    return [f"{view.key} {view.name}" for view in views]


def hints_line(hints: Iterable[tuple[str, str]], width: int) -> Line:
    """Keys and what they do; the last one stands at the right edge."""
    *left, last = list(hints)
    line: Line = []
    used = cell_len(f"{last[0]} {last[1]}")
    for key, title in left:
        text = cell_len(f"{key} {title}  ")
        if used + text > width:
            break
        used += text
        line += [(key, "key"), (f" {title}", ""), HINT_GAP]
    return [*line, (" " * max(0, width - used), ""), (last[0], "key"), (f" {last[1]}", "")]


def _easiest(server: Server) -> list[Line]:
    """The way with the fewest steps, and what stands above the variables that all apps take."""
    process = server.app.process
    if process is not None:
        own = f"Your app was started with these variables: {fmt.safe(process.command)}"
        return [[(own, "title")]]
    if server.env.get("QSTASH_TOKEN") != DEV_USERS[0].token:
        return [[("Put this into your app's environment (y copies it):", "title")]]
    port = "" if server.port in (0, 8080) else f"QSTASH_DEV_PORT={server.port} "
    return [
        [("With the JavaScript SDK, start your app so:", "title")],
        [(f"QSTASH_DEV=true {port}npm run dev", "accent")],
        [],
        [("Or put this into your app's environment (y copies it):", "title")],
    ]


def quick_start_lines(server: Server) -> list[Line]:
    """The empty screen: how to begin."""
    text = quick_start(server).split("\n")
    awaited = awaited_by(server.app)
    lines: list[Line] = [[(fmt.safe(awaited.text), awaited.role)], [], *_easiest(server)]
    lines += [[(fmt.safe(line), "accent" if "=" in line else "")] for line in text[:4]]
    lines += [[], [("Publish a first message:", "title")]]
    lines += [[(fmt.safe(line), "")] for line in text[5:]]
    return lines
