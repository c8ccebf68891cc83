"""What the app printed as lines of text, and how its process is.

Pure. Colours of the app stay: a span's role may be an escape sequence of them.
"""

from qstash_dev.devtools.ansi import coloured
from qstash_dev.devtools.documents import App, Printed
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line, Span


def output_line(text: str) -> Line:
    """One line in the app's own colours."""
    return [(fmt.safe(part), colours) for part, colours in coloured(text)]


def process_span(app: App) -> Span | None:
    """How the app's process is, where that is worth a word."""
    process = app.process
    if process is None or process.state == "running":
        return None
    return f"✗ {process.why or process.state}", "error"


def line_page(line: Printed) -> list[Line]:
    """A line whole."""
    return [output_line(line.text)]
