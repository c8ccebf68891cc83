"""What the app printed as lines of text.

Pure. Colours of the app stay: a span's role may be an escape sequence of them.
"""

from qstash_dev.devtools.ansi import coloured
from qstash_dev.devtools.documents import Printed
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line


def output_line(text: str) -> Line:
    """One line in the app's own colours."""
    return [(fmt.safe(part), colours) for part, colours in coloured(text)]


def line_page(line: Printed) -> list[Line]:
    """A line whole."""
    return [output_line(line.text)]
