"""What the app printed as lines of text: during an attempt, or one line with the process it is of.

Pure. Colours of the app stay: a span's role may be an escape sequence of them.
"""

from qstash_dev.devtools.ansi import coloured
from qstash_dev.devtools.documents import App, Heard, Printed
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line, Span


def output_line(text: str) -> Line:
    """One line in the app's own colours."""
    return [(fmt.safe(part), colours) for part, colours in coloured(text)]


def heard_lines(heard: Heard, most: int | None = None) -> list[Line]:
    """What the app printed during an attempt, the last `most` lines of it; says if that is not
    certain.
    """
    shown = heard.lines if most is None else heard.lines[-most:]
    left_out = heard.left_out + len(heard.lines) - len(shown)
    lines: list[Line] = []
    if heard.others:
        many = "delivery was" if heard.others == 1 else "deliveries were"
        note = f"({heard.others} more {many} under way: some of it may be theirs)"
        lines.append([(note, "muted")])
    if left_out:
        lines.append([(f"({left_out} lines before these)", "muted")])
    return lines + [output_line(text) for text in shown]


def process_span(app: App) -> Span | None:
    """How the app's process is, where that is worth a word."""
    process = app.process
    if process is None or process.state == "running":
        return None
    return f"✗ {process.why or process.state}", "error"


def line_page(line: Printed) -> list[Line]:
    """A line whole."""
    return [output_line(line.text)]
