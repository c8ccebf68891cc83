"""Write the recording of the README: `python -m tests.tui.record [FILE]`.

A real session of `demo`: its app, its tour, a server and the terminal UI of this process; only the
pauses between the steps are not waited for. A line of the screen is drawn once, however long it stays.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.cells import cell_len
from rich.style import Style
from textual.pilot import Pilot

from qstash_dev.config import Config
from qstash_dev.demo.app import SampleApp, sample_app
from qstash_dev.demo.tour import guide
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server import Server
from qstash_dev.tui.app import QstashApp
from tests.tui.conftest import make_app, until

SIZE = (126, 28)
WIDE, HIGH = 8.4, 18.0
SHARE = 0.55
"""Of the pauses of the tour: who looks at a recording reads no details."""
GROUND = "#11151a"
SHORT = 12
FONT = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"

Span = tuple[int, str, str, str, str]
"""Where it begins, its text, its colour, its ground, and how it is drawn besides."""
Line = tuple[Span, ...]


def line_of(segments: Iterable[Any]) -> Line:
    """What differs from the empty screen in one line."""
    spans: list[Span] = []
    x = 0
    for text, style, _ in segments:
        front, ground, more = looks(style or Style())
        if spans and spans[-1][2:] == (front, ground, more):
            spans[-1] = (spans[-1][0], spans[-1][1] + text, front, ground, more)
        else:
            spans.append((x, text, front, ground, more))
        x += cell_len(text)
    return tuple(span for span in spans if span[1].strip() or span[3] != GROUND)


def looks(style: Style) -> tuple[str, str, str]:
    """Colour, ground, and further attributes."""
    front = style.color.get_truecolor().hex if style.color else "#e0e0e0"
    ground = style.bgcolor.get_truecolor().hex if style.bgcolor else GROUND
    if style.reverse:
        front, ground = ground, front
    bold = ' font-weight="bold"' if style.bold else ""
    return front, ground, bold + (' text-decoration="underline"' if style.underline else "")


def drawn(line: Line, y: int) -> str:
    """The line as SVG."""
    grounds, texts = [], []
    for x, text, front, ground, more in line:
        if ground != GROUND:
            place = f'x="{x * WIDE:.1f}" y="{y * HIGH:.0f}" width="{cell_len(text) * WIDE:.1f}"'
            grounds.append(f'<rect {place} height="{HIGH:.0f}" fill="{ground}"/>')
        # Not plain spaces: of several a picture shows one.
        shown = text.strip().replace(" ", "\u00a0")
        if shown:
            x += cell_len(text) - cell_len(text.lstrip())
            width = cell_len(shown)
            # A short text is as wide as it should be in any font, nearly.
            length = f' textLength="{width * WIDE:.1f}"' if width > SHORT else ""
            texts.append(
                f'<tspan x="{x * WIDE:.1f}" fill="{front}"{more}{length}>{escape(shown)}</tspan>'
            )
    words = f'<text y="{y * HIGH + 13.5:.1f}">{"".join(texts)}</text>' if texts else ""
    return "".join(grounds) + words


def animated(frames: list[tuple[float, list[Line]]]) -> str:
    """All frames as one picture that begins anew when it is over."""
    whole = sum(seconds for seconds, _ in frames)
    shown: dict[tuple[int, Line], list[tuple[float, float]]] = defaultdict(list)
    at = 0.0
    for seconds, lines in frames:
        for y, line in enumerate(lines):
            times = shown[y, line]
            if times and times[-1][1] == at:
                times[-1] = (times[-1][0], at + seconds)
            else:
                times.append((at, at + seconds))
        at += seconds
    parts = [group(line, y, times, whole) for (y, line), times in shown.items() if line]
    width, height = SIZE[0] * WIDE, SIZE[1] * HIGH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="{FONT}" font-size="14">'
        f'<rect width="100%" height="100%" rx="6" fill="{GROUND}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def group(line: Line, y: int, times: list[tuple[float, float]], whole: float) -> str:
    """A line, and when it is there."""
    if times == [(0.0, whole)]:
        return drawn(line, y)
    moments: dict[float, str] = {0.0: "hidden"}
    for start, end in times:
        moments[start / whole] = "visible"
        if end < whole:
            moments[end / whole] = "hidden"
    keys = ";".join(f"{moment:.4f}" for moment in moments)
    values = ";".join(moments.values())
    first = moments[0.0]
    return (
        f'<g visibility="{first}"><animate attributeName="visibility" calcMode="discrete" '
        f'dur="{whole:.1f}s" repeatCount="indefinite" keyTimes="{keys}" values="{values}"/>'
        f"{drawn(line, y)}</g>"
    )


async def look(pilot: Pilot[Any], app: QstashApp, sample: SampleApp) -> list[Line]:
    """The screen when all that is known is on it, and it is known whether the app runs."""
    session = app.session
    await until(pilot, lambda: bool(session.feed.server.app.up) == sample.is_up)
    await until(pilot, lambda: app.settled and session.detail is not None)
    app.frame()
    await pilot.pause(0.3)
    return [line_of(strip) for strip in app.screen._compositor.render_strips()]


async def record(file: Path) -> None:
    """The whole tour."""
    user = DEV_USERS[0]
    frames: list[tuple[float, list[Line]]] = []
    async with sample_app(user) as sample:
        config = Config(port=0, data_dir=None, hold=True, app_url=sample.url, watch=sample.folder)
        server = Server(replace(config, auto_replay="failed"))
        await server.start()
        app = make_app(server.started.url)
        async with app.client, app.run_test(size=SIZE, notifications=True) as pilot:

            async def pause(seconds: float) -> None:
                frames.append((seconds * SHARE, await look(pilot, app, sample)))

            await guide(server.started.url, user, sample, server.told.narrate, pause)
        await server.stop()
    file.write_text(animated(frames))
    print(f"{file}: {len(frames)} frames, {file.stat().st_size // 1000} KB")


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1] if len(sys.argv) > 1 else ".github/screens/tour.svg")))
