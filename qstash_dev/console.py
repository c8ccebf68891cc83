"""What a server writes on stdout when no TUI owns the screen: the start-up block, a line per event.

Formats and writes plain values. Knows neither the engine nor the settings.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from textwrap import indent
from typing import Literal, TextIO

from msgspec import Struct, to_builtins

from qstash_dev.devtools.ansi import RESET, plain
from qstash_dev.devtools.copies import first_publish
from qstash_dev.devtools.documents import Event, Printed
from qstash_dev.devtools.states import ANSI, look_of
from qstash_dev.devtools.text import clock_time, printable
from qstash_dev.protocol.model import State
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.users import User
from qstash_dev.web.links import page_url

Style = Literal["log", "json", "quiet"]

READY = "Upstash QStash development server is running at {url}"
"""The words of the official server: the JavaScript SDK waits for `/runn+ing( at|\\.)/i`."""

DETAILS = frozenset({State.ACTIVE, State.RETRY, State.CANCEL_REQUESTED})
"""Events that only `-v` shows: another line tells the same."""


class Started(Struct, frozen=True):
    """Where a server listens and who its first user is.

    `advertised` is how the person reaches it, if that is not `url`. `adopted` names the file whose
    credentials the user has: these are not printed. `app_url` is `None` of an app that it starts.
    """

    url: str
    port: int
    pid: int
    user: User
    adopted: str | None = None
    app_url: str | None = None
    advertised: str | None = None

    @property
    def shown(self) -> str:
        """The address that people are told."""
        return self.advertised or self.url


class Console:
    """Writes in one style. `quiet` still prints the start-up block, since programs wait for it."""

    def __init__(
        self,
        write: Callable[[str], object],
        style: Style = "log",
        *,
        colour: bool = False,
        verbosity: int = 0,
    ) -> None:
        self._write = write
        self._style: Style = "quiet" if verbosity < 0 and style == "log" else style
        self._colour = colour
        self._verbosity = verbosity
        self._url: str | None = None
        self.has_seen_events = False

    @property
    def shows_events(self) -> bool:
        """Whether `event` may print something."""
        return self._style != "quiet"

    @property
    def wants_events(self) -> bool:
        """Whether `event` would print something now, or hear of the first one."""
        return self._write is not _nothing or not self.has_seen_events

    def started(self, started: Started, now: int) -> None:
        """The readiness line and the credentials."""
        self._url = started.shown
        if self._style == "json":
            self._write(ready_record(started, now) + "\n")
        else:
            self._write(start_block(started))

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Inside, nothing is written: somebody else has the screen."""
        write, self._write = self._write, _nothing
        try:
            yield
        finally:
            self._write = write

    def event(self, event: Event) -> None:
        """One committed event."""
        self.has_seen_events = True
        if self._style == "json":
            self._write(
                json.dumps({"type": "event", "ts": event.time, **to_builtins(event)}) + "\n"
            )
        elif self._style == "log" and (self._verbosity > 0 or event.state not in DETAILS):
            self._write(event_text(event, colour=self._colour, server=self._url) + "\n")

    def app_line(self, line: Printed) -> None:
        """What the app printed, marked as its own."""
        if self._style == "json":
            text = plain(line.text)
            record = {"type": "app", "ts": line.time, "seq": None, "text": text}
            self._write(json.dumps(record) + "\n")
        elif self._style == "log":
            mark = "\x1b[2mapp │\x1b[0m" if self._colour else "app │"
            self._write(f"{mark} {line.text + RESET if self._colour else plain(line.text)}\n")

    def notice(self, text: str, now: int) -> None:
        """Something about the server itself: the tunnel, the configuration, a hint."""
        if self._style == "json":
            self._write(json.dumps({"type": "notice", "ts": now, "seq": None, "text": text}) + "\n")
        elif self._style == "log":
            self._write(f"{clock_time(now)} · {text}\n")


def _nothing(_text: str) -> None:
    """Writes no text."""


def ready_record(started: Started, now: int) -> str:
    """The first line of NDJSON output. `message` holds the words that SDKs wait for."""
    record = {
        "type": "ready",
        "url": started.shown,
        "port": started.port,
        "pid": started.pid,
        "ts": now,
        "seq": 0,
        "message": READY.format(url=started.shown),
    }
    return json.dumps(record)


def start_block(started: Started) -> str:
    """The text that people copy into `.env.local`."""
    page = f"The page in the browser: {page_url(started.shown)}"
    lines = [READY.format(url=started.shown), page, "", *credentials(started), ""]
    if started.adopted is None:
        publish = first_publish(started.shown, started.user.token, started.app_url)
        lines += ["Try it:", indent(publish, "  "), ""]
    return "\n".join(lines) + "\n"


def credentials(started: Started) -> list[str]:
    """`NAME=value` lines; adopted secrets stay where they are."""
    if started.adopted is not None:
        return [
            f"QSTASH_URL={started.shown}",
            f"# QSTASH_TOKEN and the signing keys are those of {started.adopted}.",
        ]
    return [f"{name}={value}" for name, value in variables_of(started.shown, started.user).items()]


def variables_of(url: str, user: User) -> dict[str, str]:
    """What an app's environment must hold, by the names that the SDKs read."""
    return {
        "QSTASH_URL": url,
        "QSTASH_TOKEN": user.token,
        "QSTASH_CURRENT_SIGNING_KEY": user.current_key,
        "QSTASH_NEXT_SIGNING_KEY": user.next_key,
    }


def event_text(line: Event, *, colour: bool, server: str | None = None) -> str:
    """`12:03:11 ! error     500 try 1 31ms   POST http://... msg_26hZ  what went wrong`.

    With the address of a `server`, what failed for good is followed by where its page shows it.
    """
    look = look_of(line.state)
    state = look.shown(9)
    took = format_duration(line.duration_ms) if line.duration_ms is not None else ""
    columns = [
        clock_time(line.time),
        f"\x1b[{ANSI[look.role]}m{state}\x1b[0m" if colour else state,
        f"{line.status or '':>3}",
        f"{f'try {line.attempt}' if line.attempt else '':<5}",
        f"{took:>7}",
        printable(f"{line.method} {line.url}"),
        printable(line.id),
    ]
    return " ".join(columns) + "".join(f"  {printable(note)}" for note in notes(line, server))


def notes(line: Event, server: str | None = None) -> list[str]:
    """What follows the columns: the failure, its explanation, the next attempt, the page."""
    found = [text for text in (line.error, line.hint) if text]
    if line.next_at is not None and line.next_at > line.time:
        found.append(f"next in {format_duration(line.next_at - line.time)}")
    if server is not None and line.state == State.FAILED:
        found.append(page_url(server, line.id))
    return found


def port_in_use(address: str, port: int, holder: str, flag: str = "--port") -> str:
    """What to print when the port is taken.

    Ends in `:PORT` after the words that the JavaScript SDK looks for (qstash-js, dev server).
    """
    return (
        f"{holder}\n"
        f"Stop it, or take another port: qstash-dev {flag} {port + 1}, "
        f"or {flag} 0 for any free one.\n"
        f"listen tcp: address already in use: {address}:{port}\n"
    )


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Colours only on a terminal that can show them, and never with `NO_COLOR` (no-color.org)."""
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()
