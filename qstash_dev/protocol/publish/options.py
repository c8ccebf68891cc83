"""The options of a publish, a row each: all that differs from one option to the next stands here.

Read by the parser, the delivery, the documents of the API, retries out of the DLQ, defaults of URL
groups, fixtures, export, `send` and the schedules of the configuration file. A callback family
(`Upstash-Callback-*`) is the same configuration under a longer prefix, so it is read by the same rows,
and so is the family nested in it. Source: QStash API reference, "Publish".
"""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from msgspec import Struct

from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Callback, Spec
from qstash_dev.protocol.publish import readers as r
from qstash_dev.protocol.publish import shown
from qstash_dev.protocol.publish.shown import Shown, Where
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.redact import parse_redact
from qstash_dev.protocol.timing import parse_not_before


class Option(Struct, frozen=True, kw_only=True):
    """One option.

    `spec`, `draft` and `callback` are the fields of those that hold its value. `text` writes that
    as the header has it (`None` is "leave it out"); with `echo` every delivery tells it. `shown` is
    how documents tell it. `changeable` is what a retry out of the DLQ may give another value.
    `no_default` says why a URL group has no default of it. `name` is that in fixtures and (with
    underscores) in the configuration file. `flag` and `metavar` are those of `send`,
    `help` is for people.
    """

    header: str
    read: r.Reader = r.parsed(str)
    spec: str | None = None
    draft: str | None = None
    callback: str | None = None
    text: Callable[[Any], str | None] = str
    echo: bool = False
    shown: Shown | None = None
    changeable: bool = True
    no_default: str | None = None
    name: str | None = None
    flag: str | None = None
    metavar: str = ""
    help: str = ""

    @property
    def key(self) -> str:
        """The name in lower case, by which values are found."""
        return self.header.lower()


_NESTED = 2


def read_callback(values: r.Values, name: str, limits: Limits, depth: int = 0) -> Callback | None:
    """The callback at `name`, with its family. `depth` counts the families around it."""
    url = values.get(name)
    if not url:
        return None
    if depth > _NESTED:
        raise QStashError(400, "Upstash-Failure-Callback headers are nested too deeply")
    prefix = name + "-"
    family = {
        "upstash-" + key[len(prefix) :]: value
        for key, value in values.items()
        if key.startswith(prefix)
    }
    what = "failure callback" if name.endswith("failure-callback") else "callback"
    fields: dict[str, Any] = {}
    for key in family:
        row = OF_CALLBACK.get(key)
        if row is not None and row.read is read_callback:
            fields[str(row.callback)] = read_callback(family, key, limits, depth + 1)
        elif row is not None:
            fields[str(row.callback)] = row.read(family, key, limits)
    return Callback(url=check_url(url, what), headers=r.forwarded((), family), **fields)


OPTIONS = (
    Option(
        header="Upstash-Method",
        read=r.method,
        spec="method",
        callback="method",
        shown=lambda spec, _: {"method": spec.method},
        flag="--method",
        metavar="METHOD",
        help="How it is delivered [default: POST].",
    ),
    Option(
        header="Upstash-Delay",
        read=r.delay,
        draft="delay_ms",
        callback="delay_ms",
        text=r.seconds,
        name="delay",
        flag="--delay",
        metavar="D",
        help="Such as 10s or 2h.",
    ),
    Option(
        header="Upstash-Not-Before",
        read=r.parsed(parse_not_before),
        draft="not_before",
        name="notBefore",
        help="Not before this second since 1970.",
    ),
    Option(
        header="Upstash-Retries",
        read=r.retries,
        spec="max_retries",
        callback="retries",
        shown=shown.retries,
        name="retries",
        flag="--retries",
        metavar="N",
        help="How often to try again.",
    ),
    Option(
        header="Upstash-Retry-Delay",
        read=r.parsed(r.retry_delay),
        spec="retry_delay",
        callback="retry_delay",
        echo=True,
        shown=shown.retry_delay,
        name="retryDelay",
        flag="--retry-delay",
        metavar="EXPR",
        help="Milliseconds, such as 1000 * retried.",
    ),
    Option(
        header="Upstash-Timeout",
        read=r.parsed(r.timeout),
        spec="timeout_ms",
        callback="timeout_ms",
        text=r.seconds,
        shown=shown.timeout,
        name="timeout",
        flag="--timeout",
        metavar="D",
        help="Of one attempt.",
    ),
    Option(
        header="Upstash-Callback",
        read=read_callback,
        spec="callback",
        text=lambda callback: str(callback.url),
        shown=shown.callback("callback", "callback"),
        name="callback",
        flag="--callback",
        metavar="URL",
        help="Told of every outcome.",
    ),
    Option(
        header="Upstash-Failure-Callback",
        read=read_callback,
        spec="failure_callback",
        callback="failure_callback",
        text=lambda callback: str(callback.url),
        shown=shown.callback("failureCallback", "failure_callback"),
        name="failureCallback",
        flag="--failure-callback",
        metavar="URL",
        help="Told when all attempts failed.",
    ),
    Option(
        header="Upstash-Label",
        read=r.parsed(r.labels),
        spec="labels",
        text=",".join,
        shown=shown.labels,
        name="label",
        flag="--label",
        metavar="LABEL",
        help="To find it again.",
    ),
    Option(
        header="Upstash-Deduplication-Id",
        read=r.deduplication_id,
        draft="deduplication_id",
        no_default="every publish to the group but the first would be a duplicate",
        name="deduplicationId",
        flag="--dedup-id",
        metavar="ID",
        help="Sent twice, delivered once.",
    ),
    Option(
        header="Upstash-Content-Based-Deduplication",
        read=r.flag,
        draft="content_based_deduplication",
        name="contentBasedDeduplication",
        help="true: the same again within ten minutes is dropped.",
    ),
    Option(
        header="Upstash-Flow-Control-Key",
        read=r.flow,
        spec="flow",
        callback="flow",
        text=lambda flow: str(flow.key),
        echo=True,
        shown=shown.flow,
        name="flowControlKey",
        help="Messages of one key share its limits.",
    ),
    Option(
        header="Upstash-Flow-Control-Value",
        read=r.flow,
        spec="flow",
        callback="flow",
        text=r.flow_value,
        echo=True,
        name="flowControlValue",
        help="Limits, such as parallelism=2,rate=3,period=1m.",
    ),
    Option(
        header="Upstash-Redact-Fields",
        read=r.parsed(parse_redact),
        spec="redact",
        text=",".join,
        name="redact",
        help="What is hashed: body, header, or header[Name].",
    ),
    Option(
        header="Upstash-Queue-Name",
        read=r.parsed(r.resource_name),
        spec="queue",
        shown=lambda spec, _: {"queueName": spec.queue},
        changeable=False,
        name="queue",
        help="The queue in which it waits for its turn.",
    ),
    Option(
        header="Upstash-Cron",
        draft="cron",
        no_default="every publish to the group would make a schedule",
        name="cron",
        flag="--cron",
        metavar="CRON",
        help="Makes a schedule.",
    ),
    Option(
        header="Upstash-Schedule-Id",
        read=r.parsed(r.resource_name),
        draft="schedule_id",
        no_default="every schedule for the group would replace the last one",
        help="The schedule that is made or replaced.",
    ),
    # Ours to read elsewhere: the draft obeys it, workflow runs read the other.
    Option(
        header="Upstash-Header-Forward",
        read=r.flag,
        help="false: no header but those with a prefix goes to the destination.",
    ),
    Option(header="Upstash-Feature-Set", help="Written by the SDKs of workflows."),
)

BY_KEY = {option.key: option for option in OPTIONS}
BY_NAME = {option.name: option for option in OPTIONS if option.name is not None}

_OF_SPEC = {key: row for key, row in BY_KEY.items() if row.spec}
_OF_DRAFT = {key: row for key, row in BY_KEY.items() if row.draft}
OF_CALLBACK = {key: row for key, row in BY_KEY.items() if row.callback}
_ECHOED = tuple(row for row in OPTIONS if row.echo)
_values_echoed = attrgetter(*(str(row.spec) for row in _ECHOED))


def read_spec(values: r.Values, limits: Limits) -> dict[str, Any]:
    """The fields of a Spec that the options of a publish give, by lower-case names."""
    default: dict[str, Any] = {"max_retries": r.default_retries(limits)}
    return default | {
        str(row.spec): row.read(values, key, limits)
        for key in values
        if (row := _OF_SPEC.get(key)) is not None
    }


def read_draft(values: r.Values, limits: Limits) -> dict[str, Any]:
    """The fields of a Draft that they give."""
    return {
        str(row.draft): row.read(values, key, limits)
        for key in values
        if (row := _OF_DRAFT.get(key)) is not None
    }


def told(spec: Spec, where: Where) -> dict[str, Any]:
    """What a document of the API tells of a message's options."""
    return {
        name: value
        for row in OPTIONS
        if row.shown is not None
        for name, value in row.shown(spec, where).items()
        if value is not None
    }


def echoed(spec: Spec) -> dict[str, str]:
    """The headers by which a delivery tells the app of its options."""
    if not any(_values_echoed(spec)):
        return {}
    return {row.header: text for row in _ECHOED if (text := text_of(row, spec)) is not None}


def text_of(row: Option, spec: Spec) -> str | None:
    """A message's value of an option as its header has it; `None` without one."""
    value = getattr(spec, row.spec) if row.spec else None
    return None if value is None else row.text(value) or None


def family_texts(header: str, callback: Callback) -> Iterator[tuple[str, str]]:
    """The headers beside `header` that configure a callback, those of nested families included."""
    plain = Callback(callback.url)
    for row in OF_CALLBACK.values():
        value = getattr(callback, str(row.callback))
        name = f"{header}-{row.header.removeprefix('Upstash-')}"
        if value != getattr(plain, str(row.callback)) and (text := row.text(value)):
            yield name, text
        if row.read is read_callback and value is not None:
            yield from family_texts(name, value)
    for name, value in callback.headers:
        yield f"{header}-Forward-{name}", value
