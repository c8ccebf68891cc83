"""The facts of one attempt, and what can be read off them. It refuses to judge: causes do."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from urllib.parse import SplitResult

from msgspec import Struct

from qstash_dev.devtools.body_label import mislabelled
from qstash_dev.devtools.explain.error_text import Said, read_response
from qstash_dev.devtools.explain.printed import error_in, errors_in
from qstash_dev.devtools.route_files import serving, without_base
from qstash_dev.devtools.status import route_option
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import Headers, Outcome, Reason, Response, SendFailure
from qstash_dev.protocol.settle import status_text
from qstash_dev.protocol.signature import inspect
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import ALONE, Nearby, Place, parts_of, place_of

_NEXT_SCRIPT = re.compile(rb'"((?:/[\w.~-]{1,80}){0,9})/_next/static/')


class EnvFile(Struct, frozen=True):
    """The variables of one `.env*` file, as its loader would see them.

    `changed_at` is epoch ms of wall time, `is_fresh` whether that is a matter of minutes.
    """

    path: str
    values: Mapping[str, str]
    changed_at: int = 0
    is_fresh: bool = False


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of one attempt. Only the first three are needed; the rest sharpens the answer.

    `target` is where the request really went, `headers` and `body` what was sent, `keys` the
    signing keys (current, next) of the user, `message` the id for `qstash-dev verify`, `is_cloud`
    whether the cloud delivered it through the tunnel. `accepted_at` is when the app last took a
    signed delivery at this path, since it was last seen down; `has_other_keys` says that its keys have
    been rotated since. `unforwarded` are plain headers of the
    publish. `env` lists the app's env files, the
    one that wins first. `routes` are its source files relative to the project, with forward slashes.
    `listening` are the addresses of the target's host, of loopback both, on which its port accepts
    connections now, `leads_to` those that were tried, `speech` what is spoken there (see
    `transport.connect`), `online` whether there is a network; all `None` where nobody has looked.
    `elsewhere` is the notice of a step that goes to another address than its run was started at,
    `starts_workflow` whether this is the start of a run whose SDK wants to reach a workflow,
    `has_entries` whether the app was sent the list of a run's steps instead of the body.
    `listens_at` is where our child listens, if it never named the port of the target.
    `is_child` says that qstash-dev started the app of the target, with its variables.
    `printed` are the lines of the app meanwhile, `amid` are they where other deliveries were under way,
    `heard` whether it printed any (perhaps for another
    attempt), and `ended` is how it ended (`your app exited with code 1: ...`), if it is our child.
    `nearby` are the hosts that count as this machine.
    """

    method: str
    url: str
    outcome: Outcome
    target: str | None = None
    headers: Headers = ()
    body: bytes = b""
    timeout_ms: int | None = None
    attempt: int = 1
    app_url: str | None = None
    keys: tuple[str, str] | None = None
    message: str = ""
    is_cloud: bool = False
    accepted_at: int | None = None
    has_other_keys: bool = False
    unforwarded: tuple[str, ...] = ()
    env: tuple[EnvFile, ...] = ()
    routes: tuple[str, ...] = ()
    listening: tuple[str, ...] | None = None
    leads_to: tuple[str, ...] = ()
    nearby: Nearby = ALONE
    speech: str | None = None
    online: bool | None = None
    elsewhere: str = ""
    starts_workflow: bool = False
    has_entries: bool = False
    listens_at: str | None = None
    is_child: bool = False
    printed: tuple[str, ...] = ()
    amid: tuple[str, ...] = ()
    heard: bool = False
    ended: str | None = None


class Hint(Struct, frozen=True):
    """One line that names the cause and the fix. `cause` is its stable id."""

    cause: str
    text: str


class Cause(Struct, frozen=True):
    """A row of the table: the id, and the line if it fits: a function finds it, or it is a text that
    is true where this `holds`, in which `{e.place}` and the like are filled in.

    `only` are the statuses, or the reasons why there was no answer, with which it is looked at; none:
    with all.
    """

    id: str
    line: "str | Callable[[Evidence], str | None]"
    only: tuple[int | Reason, ...] = ()
    holds: Callable[["Evidence"], object] = lambda e: True

    def find(self, e: "Evidence") -> str | None:
        """The line, if it fits."""
        if not isinstance(self.line, str):
            return self.line(e)
        return self.line.format(e=e) if self.holds(e) else None


class Evidence:
    """Facts with the derived ones that several causes ask for, each computed at most once."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    @property
    def response(self) -> Response:
        assert isinstance(self.facts.outcome, Response)
        return self.facts.outcome

    @property
    def failure(self) -> SendFailure:
        assert isinstance(self.facts.outcome, SendFailure)
        return self.facts.outcome

    @property
    def status(self) -> int:
        return self.response.status

    @cached_property
    def said(self) -> Said:
        """The readable part of the response body."""
        return read_response(self.response)

    @cached_property
    def base(self) -> str | None:
        """The base path of an app whose framework, not a handler, answered with a page of its own: of
        Next.js, where its scripts lie; empty where there is none, `None` where nothing tells.
        """
        found = _NEXT_SCRIPT.search(self.response.body[:65_536])
        return found[1].decode() if found else None

    @property
    def inside(self) -> str:
        """The path as the app's files have it: without the base path."""
        return without_base(self.path, self.base or "") or self.path

    @cached_property
    def file(self) -> str | None:
        """The one that serves the path, also below a base path that no page of the app tells."""
        return serving(self.inside, self.facts.routes, has_base=self.base is None)

    @cached_property
    def printed_error(self) -> str | None:
        """The error that the app printed while it answered."""
        return error_in(self.facts.printed)

    @cached_property
    def likely_error(self) -> str | None:
        """Of what it printed for several at once, the error that went through this route's file."""
        return error_in(self.facts.amid, self.file) if self.file is not None else None

    @cached_property
    def refusal(self) -> str:
        """What may tell why a signature was refused: the answer or, where it tells nothing, all errors
        that the app printed meanwhile.
        """
        return (errors_in(self.facts.printed) if self.is_opaque else "") or self.said.text

    def header(self, name: str) -> str:
        """A response header, or an empty text."""
        return _header(self.response.headers, name)

    def sent(self, name: str) -> str:
        """A request header, or an empty text."""
        return _header(self.facts.headers, name)

    @property
    def went_to(self) -> str:
        """Where the request really went."""
        return self.facts.target or self.facts.url

    @cached_property
    def target(self) -> SplitResult:
        """Where the request went, in parts; empty parts if it cannot be taken apart."""
        return _split(self.went_to)

    @property
    def place(self) -> str:
        """Host and port for messages, without the credentials that a URL may have."""
        return self.target.netloc.rpartition("@")[2] or self.facts.url

    @property
    def host(self) -> str:
        """The name that was looked up, or an empty text."""
        return self.target.hostname or ""

    @property
    def port(self) -> int:
        """The port that it went to."""
        return self.target.port or (443 if self.target.scheme == "https" else 80)

    def route_to(self, app: str) -> str:
        """The option that delivers at an app what went there."""
        return route_option(self.went_to, app)

    @property
    def within(self) -> str:
        """` within 5s`, where the attempt had such a limit."""
        timeout = self.facts.timeout_ms
        return f" within {format_duration(timeout)}" if timeout else ""

    @property
    def path(self) -> str:
        return self.target.path or "/"

    @cached_property
    def is_local(self) -> bool:
        """Whether it went to this machine or to what counts as it."""
        return self.reach in (Place.LOOPBACK, Place.NEAR)

    @cached_property
    def reach(self) -> Place:
        """Where the request went."""
        return place_of(self.went_to, self.facts.nearby)

    @cached_property
    def signed_url(self) -> str:
        """The URL that the signature is for: of a delivery of the cloud that of the tunnel."""
        claims = inspect(self.sent("upstash-signature"), None, None, None, 0).claims
        return str(claims.get("sub") or self.facts.url)

    @property
    def listens_there(self) -> bool:
        """Whether something listens now where the request went."""
        return bool(set(self.facts.listening or ()) & set(self.facts.leads_to))

    @property
    def is_routed(self) -> bool:
        """Whether the request went elsewhere than the URL says."""
        return self.facts.target not in (None, self.facts.url)

    @property
    def is_opaque(self) -> bool:
        """An error that tells nothing, as when a Next.js route handler throws: 500, no body."""
        return not self.said.headline or self.said.is_vague

    @property
    def status_text(self) -> str:
        """`404 Not Found`."""
        return status_text(self.status)

    @property
    def mislabelled(self) -> str | None:
        """A body and a label that disagree, in a sentence."""
        if self.facts.has_entries:
            return None
        return mislabelled(self.sent("content-type"), self.facts.body, self.facts.method)

    @property
    def quoted(self) -> str:
        """What the app said, or else printed, in parentheses, ready to follow a noun; or nothing."""
        text = self.printed_error if self.is_opaque else self.said.headline
        return f" ({text})" if text else ""

    def env_file(self, name: str) -> EnvFile | None:
        """The env file of the app whose value of a variable counts."""
        return next((file for file in self.facts.env if name in file.values), None)

    def env(self, name: str) -> tuple[str, str] | None:
        """Path of that file, and the value."""
        file = self.env_file(name)
        return (file.path, file.values[name]) if file else None


def says(phrase: str) -> Callable[[Evidence], object]:
    """Whether the answer has a phrase of a known server."""
    pattern = re.compile(phrase, re.IGNORECASE)
    return lambda e: pattern.search(e.said.text)


def _header(headers: Headers, name: str) -> str:
    return first(headers, name) or ""


def _split(url: str) -> SplitResult:
    return parts_of(url) or SplitResult("", "", "", "", "")
