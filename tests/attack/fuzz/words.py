"""Values that requests are made of: good ones of each kind, and those that break parsers.

A new kind of value is a new row of GOOD, a new nastiness one more of NASTY.
"""

import json
import random  # noqa: TID251 - seeded
import string
from collections import deque
from typing import Any

GOOD: dict[str, tuple[str, ...]] = {
    "duration": ("0", "1s", "10s", "2m", "1h30m", "1d", "7d", "90d", "0.5s"),
    "number": ("0", "1", "2", "3", "5", "100", "1000", "1700000000", "1893456000000"),
    "flag": ("true", "false", "1", "0", ""),
    "method": ("GET", "POST", "PUT", "PATCH", "DELETE"),
    "name": ("a", "q1", "q2", "my.group", "my_key-1", "group", "wfr_1", "label", "event"),
    "cron": ("* * * * *", "0 0 1 1 *", "CRON_TZ=Europe/Berlin 30 2 * * *", "*/5 0-6 * * 1-5"),
    "delay": ("1000", "pow(2, retried)*1000", "max(10, min(60, retried*2))", "sqrt(retried+1)"),
    "flow": ("parallelism=1", "rate=10,period=1s", "parallelism=2,rate=5,period=1m", "rate=1"),
    "redact": ("body", "header", "body,header", "header[Authorization]"),
    "filter": ("state:failed", "dest:localhost", "is:failed q1", "status:500..599", "-state:delivered"),
    "state": ("CREATED", "ACTIVE", "DELIVERED", "ERROR", "FAILED", "IN_PROGRESS", "RUN_STARTED"),
    "order": ("earliestFirst", "latestFirst", "earliest"),
    "kind": ("status", "latency", "duplicate", "reorder", "publish", "drop"),
    "type": ("application/json", "text/plain", "multipart/form-data; boundary=x", "*/*"),
    "text": ("hello", "a b", "x=1", "{}", "[]", "null", "Bearer x"),
    "json": ('{"a":1}', "[1,2]", '"x"', "1", "{}"),
}  # fmt: skip
NASTY = (
    *("", " ", "\t", "\x00", "\x01", "\x7f", "\x80", "\xff", "\xc3\x28", "\udcff", "é", "\u2028"),
    *("🦊", "\u202eabc", "a" * 300, "A" * 9_000, "%", "%00", "%ff", "%c0%ae", "%2e%2e%2f", "..", "."),
    *("-1", "-0", "+1", "1e999", "1e-999", "NaN", "Infinity", "0x10", "1_000", "١٢٣", "².5", "1.5"),
    *("9" * 20, "9" * 400, "9" * 5_000, "-" + "9" * 30, "9223372036854775807", "9223372036854775808"),
    *("18446744073709551616", "9" * 19 + "d", "999999999999h", "1s1s1s", "1" * 40 + "s", "s", "-5s"),
    *("*" * 1_000, "(" * 500, "[" * 2_000, "{" * 2_000, '{"a":' * 500, "'", '"', "\\", "`", "${x}"),
    *("9**9**9", "(lambda:0)()", "__import__('os')", "pow(9,pow(9,9))", "1/0", "retried" * 50),
    *("* * * *", "60 * * * *", "0 0 31 2 *", "CRON_TZ=No/Where * * * * *", "@daily", "0 0 30 2 *"),
    *("parallelism=0", "rate=-1", "rate=99999999999999999999", "period=0"),
    "parallelism=1,parallelism=2",
    *("true\r\nX: y", "a\nb", "a\rb", "a;b", "a,b", ",", "=", "a=b=c", "header[", "body,body,x"),
    *("state:", ":", "-", "age:>", "status:9..1", "a OR", "(a", "size:>9999999999999999999999", "*:*"),
    *("http://", "//", "http://[::", "http://a:99999999/", "file:///etc/passwd", "http://\udcff/"),
    *("undefined", "null", "None", "[object Object]", "<script>", "' OR 1=1 --", "%s%n", "{0}"),
)  # fmt: skip
JSON_NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1e308, 2**63, 2**64, 10**400, "", [], {}, [[]], {"": ""}),
    *("\ud800", "\udc00\ud800", "\x00", "é", "a" * 5_000, [None], {"a": None}, [1, "a", {}]),
)
KEYS: dict[str, str] = {
    **dict.fromkeys(["delay", "timeout", "notBefore"], "duration"),
    **dict.fromkeys(["parallelism", "retries", "until", "advance_ms", "status", "times"], "number"),
    **dict.fromkeys(["fromDate", "toDate", "count", "wait_ms", "scale", "latency_ms"], "number"),
    **dict.fromkeys(
        ["queueName", "queue", "name", "label", "group", "scheduleId", "runId"], "name"
    ),
    **dict.fromkeys(["topicName", "flowControlKey", "workflowRunId", "messageId", "dlqId"], "name"),
    **dict.fromkeys(["destination", "url", "from", "to", "callback"], "url"),
    **dict.fromkeys(["paused", "skip", "keepHost", "mode"], "flag"),
    **dict.fromkeys(["filter", "state", "kind", "method", "cron"], "text"),
    **dict.fromkeys(["body", "eventData"], "json"),
}
QUERY: dict[str, str] = {
    **dict.fromkeys(["count", "limit", "after", "before", "fromDate", "toDate"], "number"),
    **dict.fromkeys(["cursor", "messageId", "messageIds", "dlqId", "dlqIds", "queueName"], "name"),
    **dict.fromkeys(["topicName", "scheduleId", "label", "flowControlKey", "workflowRunId"], "name"),
    "url": "url", "filter": "filter", "state": "state", "order": "order", "async": "flag",
    "host": "text", "path": "text", "callerIp": "text", "groupBy": "text", "all": "flag",
    "workflowUrl": "url", "responseStatus": "number", "direction": "text", "trimBody": "number",
}  # fmt: skip
OPTIONS: dict[str, str] = {
    **dict.fromkeys(["Delay", "Timeout"], "duration"),
    **dict.fromkeys(["Retries", "Not-Before", "Retried", "Max-Retries"], "number"),
    **dict.fromkeys(["Content-Based-Deduplication", "Header-Forward"], "flag"),
    **dict.fromkeys(["Deduplication-Id", "Label", "Schedule-Id", "Queue-Name"], "name"),
    **dict.fromkeys(["Flow-Control-Key", "Message-Id", "Topic-Name"], "name"),
    **dict.fromkeys(["Callback", "Failure-Callback"], "url"),
    "Method": "method", "Cron": "cron", "Retry-Delay": "delay", "Flow-Control-Value": "flow",
    "Redact-Fields": "redact", "Forward-X": "text", "Forward-Content-Type": "type",
    "Feature-Set": "text", "Signature": "text", "Caller-Ip": "text", "": "text", "X-Y": "text",
    "Workflow-Init": "flag", "Workflow-RunId": "name", "Workflow-Url": "url",
    "Workflow-CallType": "text", "Workflow-CreatedAt": "number", "Workflow-Invoke": "name",
}  # fmt: skip
FAMILIES = ("Callback-", "Failure-Callback-", "Callback-Callback-", "Failure-Callback-Forward-")


class Words:
    """Draws values. `random` decides all; `app` is a URL that answers; `ids` stood in answers."""

    def __init__(self, seed: int, app: str) -> None:
        self.random = random.Random(seed)
        self.ids: deque[str] = deque(maxlen=200)
        self._urls = (*(f"{app}/{n}" for n in range(10)), "https://outside.example/x", "my.group")

    def chance(self, percent: float) -> bool:
        """Whether it happens this time."""
        return self.random.random() * 100 < percent

    def value(self, kind: str) -> str:
        """Mostly a good value of a kind."""
        if self.chance(25):
            return self.nasty()
        if kind == "name" and self.ids and self.chance(60):
            return self.random.choice(self.ids)
        return self.random.choice(self._urls if kind == "url" else GOOD[kind])

    def nasty(self) -> str:
        """Something that a parser may stumble over."""
        if self.chance(80):
            return self.random.choice(NASTY)
        size = self.random.choice((1, 3, 20, 200))
        pool = string.printable if self.chance(50) else "".join(map(chr, range(256)))
        return "".join(self.random.choices(pool, k=size))

    def option(self) -> tuple[str, str]:
        """An `Upstash-` header."""
        name, kind = self.random.choice([*OPTIONS.items()])
        family = self.random.choice(FAMILIES) if self.chance(15) else ""
        return f"Upstash-{family}{name}", self.value(kind)

    def parameter(self) -> tuple[str, str]:
        """A query parameter."""
        if self.chance(30):
            return self.option()
        name, kind = self.random.choice([*QUERY.items()])
        return name, self.value(kind)

    def document(self, depth: int = 0) -> Any:
        """A JSON value as our orders are, with wrong parts."""
        if depth == 0 and self.chance(30):
            items = [self.document(1) for _ in range(self.random.choice((0, 1, 2, 5)))]
            return items if self.chance(50) else {self._plural(): items}
        if self.chance(10) or depth > 2:
            return self.random.choice(JSON_NASTY)
        keys = self.random.sample([*KEYS], k=self.random.choice((0, 1, 2, 3, 6)))
        return {key: self._member(KEYS[key], depth) for key in keys}

    def body(self) -> bytes:
        """JSON, or what only begins like it."""
        if self.chance(15):
            return encoded(self.nasty())
        text = json.dumps(self.document(), ensure_ascii=self.chance(70)).encode(
            errors="surrogatepass"
        )
        return self.mutated(text) if self.chance(12) else text

    def mutated(self, data: bytes) -> bytes:
        """The same bytes, damaged at some places."""
        made = bytearray(data)
        for _ in range(self.random.choice((1, 1, 2, 8))):
            at = self.random.randrange(len(made) + 1)
            piece = self.random.randbytes(self.random.choice((0, 1, 1, 4)))
            made[at : at + self.random.choice((0, 1, 2, 30))] = piece
        return bytes(made)

    def _plural(self) -> str:
        return self.random.choice(("endpoints", "routes", "messageIds", "dlqIds", "ids", "headers"))

    def _member(self, kind: str, depth: int) -> Any:
        if self.chance(15):
            return self.document(depth + 1)
        text = self.value(kind)
        if kind in ("number", "flag", "json"):
            return _read(text)
        return text


def encoded(text: str) -> bytes:
    """Text as bytes: half of a surrogate pair is the byte that it stands for, or three of them."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
