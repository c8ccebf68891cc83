"""The options of a message in words with units: `timeout_ms: 15000` is `time-out 15s`.

Pure: the control API's `spec` in, names and texts out. What has no words here is told all the same.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from qstash_dev.devtools.text import as_text
from qstash_dev.protocol.timing import format_duration

TOLD = frozenset(
    {
        *("url", "queue", "labels", "topic", "endpoint", "schedule_id", "kind", "parent_id"),
        "place",
    }
)
"""What the summary of a message tells besides."""


def option_facts(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and texts, in the order of the options."""
    return [_fact(name, value) for name, value in options.items() if _is_told(name, value)]


def limits_words(parallelism: Any, rate: Any, period_s: Any) -> str:
    """The limits of a flow-control key: `2 at a time, 3 in 2s`."""
    parts = [
        f"{parallelism} at a time" if parallelism is not None else "",
        f"{rate} in {format_duration((period_s or 1) * 1000)}" if rate is not None else "",
    ]
    return ", ".join(filter(None, parts))


def retries_words(count: Any) -> str:
    """How often it is tried again."""
    return f"up to {count}" if count else "none"


def retry_delay_words(expression: Any) -> str:
    """An expression with the unit of its result."""
    return f"{expression} (milliseconds)"


def timeout_words(ms: Any) -> str:
    """Of what it is the time-out."""
    return f"{format_duration(ms)} for each attempt"


def _is_told(name: str, value: Any) -> bool:
    is_empty = value in (None, "", [], {}) or (
        value == 0 and name not in ("max_retries", "retries")
    )
    return name not in TOLD and not is_empty


def _fact(name: str, value: Any) -> tuple[str, str]:
    shown, words = _WORDS.get(name, (name.replace("_", " "), as_text))
    return shown, words(value)


def _flow(flow: Mapping[str, Any]) -> str:
    limits = limits_words(flow.get("parallelism"), flow.get("rate"), flow.get("period_s"))
    return f"{flow.get('key')}  {limits}".rstrip()


def _callback(found: Mapping[str, Any]) -> str:
    parts = [f"{name} {text}" for name, text in option_facts(found)]
    return "  ".join([str(found.get("url", "")), *parts])


def _headers(headers: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in headers)


_WORDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "max_retries": ("retries", retries_words),
    "retries": ("retries", retries_words),
    "retry_delay": ("retry delay", retry_delay_words),
    "timeout_ms": ("time-out", timeout_words),
    "delay_ms": ("delay", format_duration),
    "flow": ("flow control", _flow),
    "callback": ("callback", _callback),
    "failure_callback": ("failure callback", _callback),
    "headers": ("headers", _headers),
    "redact": ("redacted", ", ".join),
}
