"""A remote server played from data: it answers `/_dev/` with fixed rows and sends ticks on demand.

It stands in for another process; every request that asked for a change is kept in `asked`.
"""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web

from tests.patience import PATIENCE_S
from tests.ports import reserved_port

NOW = 1_772_366_591_000  # 2026-03-01 12:03:11 UTC
TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0="
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJVcHN0YXNoIn0.c2lnbmF0dXJl"
ENV = {
    "QSTASH_URL": "http://127.0.0.1:8080",
    "QSTASH_TOKEN": TOKEN,
    "QSTASH_CURRENT_SIGNING_KEY": "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
    "QSTASH_NEXT_SIGNING_KEY": "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
}
REAL = {"mode": "real", "scale": 1.0, "offset_ms": 0, "next_event_at": NOW + 12_000}
COUNTED = ("delayed", "active", "retry", "held", "delivered", "failed", "canceled")


def row(
    seq: int, path: str = "/api/orders", state: str = "delivered", **more: Any
) -> dict[str, Any]:
    """A row as the server sends it; `path` may be a whole URL."""
    finished = state in ("delivered", "failed", "canceled")
    url = path if "://" in path else f"http://localhost:3000{path}"
    done = {"delivered": 200, "failed": 500, "retry": 503}.get(state)
    base = {
        "seq": seq, "id": f"msg_{seq:08d}", "user": "defaultUser", "kind": "publish",
        "parent": None, "state": state, "method": "POST", "url": url,
        "created_at": NOW - 60_000 + seq * 1000, "updated_at": NOW - 59_000 + seq * 1000,
        "due_at": None if finished else NOW + 12_000, "try": 1 if done else 0, "tries": 4,
        "status": done, "duration_ms": 8.0 + seq if done else None, "error": None, "hint": None,
        "labels": [], "queue": None, "topic": None, "endpoint": None, "schedule": None,
        "flow_key": None, "dlq_id": None, "replays": 0, "body_size": 21,
        "content_type": "application/json", "source": "local", "lints": [],
    }  # fmt: skip
    return {**base, **more}


HINT = (
    "The app answered 500 because the signature did not verify: verify with the raw body, "
    "not with the parsed JSON."
)


def sample_rows() -> list[dict[str, Any]]:
    """One message of every kind, oldest first."""
    cloud = "https://hooks.example.com/v1/orders?tenant=acme"
    return [
        row(1, "/api/welcome", labels=["onboarding"], armed=True),
        row(2, "/api/thumb", replays=1),
        row(3, "/api/remind", "delayed", due_at=NOW + 240_000),
        row(4, "/api/mail", "retry", due_at=NOW + 12_000, queue="mail", error="503 try later"),
        row(5, "/api/orders", "failed", **{"try": 4}, error="500 Internal Server Error", hint=HINT,
            dlq_id="1772366591000-0"),
        row(6, "/api/thumb", kind="replay", parent="msg_00000002"),
        row(7, "/api/done", kind="callback", parent="msg_00000001"),
        row(8, "/api/nightly", kind="schedule", schedule="nightly"),
        row(9, "/api/slow", "active", **{"try": 0}),
        row(10, "/api/held", "held", error="connection refused", due_at=None),
        row(11, cloud, "canceled", method="PUT"),
        row(12, "/api/mail", "queued", queue="mail"),
        row(13, "/api/orders", kind="cloud", source="cloud"),
    ]  # fmt: skip


def body(text: str) -> dict[str, Any]:
    """A body as the server sends it."""
    return {"size": len(text.encode()), "truncated": False, "text": text}


def detail_of(found: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The detail of a row, with as many attempts as the row says."""
    attempts = [_attempt(found, number + 1) for number in range(found["try"])]
    kin = [r for r in rows if r["parent"] == found["id"]]
    parent = next((r for r in rows if r["id"] == found["parent"]), None)
    return {
        "row": found,
        "spec": {"max_retries": found["tries"] - 1, "labels": found["labels"]},
        "request": {"method": found["method"], "url": found["url"],
                    "headers": [["Content-Type", "application/json"], ["X-Tenant", "acme"],
                                ["Authorization", "Bearer secret-of-the-app"]],
                    "body": body('{"order": 42, "paid": true, "note": "größer"}')},
        "attempts": attempts,
        "events": _events(found),
        "signature": _signature(found) if attempts else None,
        "links": {"parent": parent, "children": kin, "siblings": []},
        "hint": found["hint"],
        "lints": found["lints"],
    }  # fmt: skip


def _attempt(found: dict[str, Any], number: int) -> dict[str, Any]:
    good = found["status"] == 200
    answer = '{"ok": true}' if good else '{"error": "signature mismatch", "code": "E_SIG"}'
    return {
        "number": number, "started_at": found["created_at"] + number * 1000,
        "target": found["url"], "connected_ms": 1.2, "first_byte_ms": 7.5,
        "total_ms": found["duration_ms"],
        "request": {"headers": [["Host", "localhost:3000"], ["Upstash-Message-Id", found["id"]],
                                ["Upstash-Retried", str(number - 1)], ["Upstash-Signature", JWT]]},
        "response": {"status": found["status"], "http_version": "1.1",
                     "headers": [["content-type", "application/json"]], "body": body(answer)},
        "failure": None,
    }  # fmt: skip


def _signature(found: dict[str, Any]) -> dict[str, Any]:
    bad = found["state"] == "failed"
    issued = NOW // 1000
    return {
        "token": JWT,
        "header": {"alg": "HS256", "typ": "JWT"},
        "claims": {"iss": "Upstash", "sub": found["url"], "iat": issued, "nbf": issued,
                   "exp": issued + 300, "jti": "jwt_67kxXD6UBAk7DqU6hzuHMDdXFXfP",
                   "body": "qK78N0k3pNKI8zN62Fq2Gm-_LtWkJk1z9ykio3zZvY4="},
        "key": "current", "valid": not bad,
        "problems": ["The app verified a re-serialized body: its hash differs."] if bad else [],
    }  # fmt: skip


def _events(found: dict[str, Any]) -> list[dict[str, Any]]:
    base = {"user": "defaultUser", "error": None, "status": None, "next_at": None,
            "id": found["id"], "url": found["url"], "method": found["method"]}  # fmt: skip
    seq, at = found["seq"] * 10, found["created_at"]
    events = [{**base, "seq": seq, "time": at, "state": "CREATED"}]
    if found["try"]:
        events.append({**base, "seq": seq + 1, "time": at + 4, "state": "ACTIVE"})
    last = {"delivered": "DELIVERED", "failed": "FAILED", "retry": "RETRY", "canceled": "CANCELED"}
    if found["state"] in last:
        events.append({**base, "seq": seq + 2, "time": at + 30, "state": last[found["state"]],
                       "status": found["status"], "error": found["error"]})  # fmt: skip
    return events


SCHEDULES = [
    {"scheduleId": "nightly", "cron": "CRON_TZ=Europe/Berlin 0 3 * * *", "user": "defaultUser",
     "destination": "http://localhost:3000/api/nightly", "method": "POST", "isPaused": False,
     "createdAt": NOW - 864_000_00, "lastScheduleTime": NOW - 36_191_000, "retries": 3,
     "nextScheduleTime": NOW + 50_209_000,
     "next_times": [NOW + 50_209_000 + day * 86_400_000 for day in range(10)]},
    {"scheduleId": "scd_heartbeat", "cron": "*/5 * * * *", "user": "defaultUser",
     "destination": "http://localhost:3000/api/heartbeat", "method": "GET", "isPaused": True,
     "createdAt": NOW - 3_600_000, "nextScheduleTime": NOW + 109_000,
     "next_times": [NOW + 109_000 + place * 300_000 for place in range(10)]},
]  # fmt: skip
QUEUES = [
    {"name": "mail", "parallelism": 1, "paused": False, "lag": 2, "active": 1,
     "createdAt": NOW - 3_600_000, "updatedAt": NOW - 60_000, "user": "defaultUser"},
    {"name": "thumbs", "parallelism": 4, "paused": True, "lag": 130, "active": 0,
     "createdAt": NOW - 3_600_000, "updatedAt": NOW - 60_000, "user": "defaultUser"},
]  # fmt: skip
GROUPS = [
    {"name": "order-events", "createdAt": NOW - 3_600_000, "updatedAt": NOW - 60_000,
     "user": "defaultUser", "endpoints": [
         {"name": "billing", "url": "http://localhost:3000/api/billing"},
         {"url": "https://hooks.example.com/v1/orders"}]},
]  # fmt: skip
FLOW = [
    {"flowControlKey": "mail-api", "waitListSize": 12, "parallelismCount": 2, "parallelismMax": 2,
     "rateCount": 7, "rateMax": 10, "ratePeriod": 60, "ratePeriodStart": NOW // 1000 - 20,
     "isPaused": False, "isPinnedParallelism": False, "isPinnedRate": True, "user": "defaultUser"},
    {"flowControlKey": "tenant/42", "waitListSize": 3, "parallelismCount": 0, "rateCount": 5,
     "rateMax": 5, "ratePeriod": 1, "ratePeriodStart": NOW // 1000 - 20, "isPaused": True,
     "isPinnedParallelism": False, "isPinnedRate": False, "user": "defaultUser"},
]  # fmt: skip


def step(group: int, name: str, type: str, began: int, ended: int | None, **more: Any) -> Any:
    """A step of a run; times are seconds after its start."""
    start = NOW - 90_000
    state = "STEP_SUCCESS" if ended is not None else "STEP_PROGRESS"
    base = {
        "group": group, "parallel": False, "name": name, "type": type, "state": state,
        "began_at": start + began * 1000, "message": f"msg_run_{name}", "log": {},
        "ended_at": start + ended * 1000 if ended is not None else None,
    }  # fmt: skip
    return {**base, **more}


def run_row(id: str, state: str, url: str, steps: int, **more: Any) -> dict[str, Any]:
    """A workflow run as the server lists it."""
    base = {"id": id, "created_at": NOW - 90_000, "state": state, "steps": steps,
            "url": f"http://localhost:3000{url}", "user": "defaultUser"}  # fmt: skip
    return {**base, **more}


RUNS = [
    run_row("wfr_trial", "RUN_STARTED", "/api/trial", 2,
            waits=[{"kind": "sleep", "name": "nap", "until": NOW + 3_600_000}]),
    run_row("wfr_order", "RUN_STARTED", "/api/order", 4, labels=["shop"], waits=[
        {"kind": "event", "name": "paid", "event": "order-paid", "until": NOW + 518_400_000,
         "why": "order_paid was notified, but this run waits for order-paid"},
        {"kind": "retry", "name": "mail", "until": NOW + 12_000, "tried": 2, "tries": 3}]),
    run_row("wfr_failed", "RUN_FAILED", "/api/order", 1, completed_at=NOW - 60_000,
            dlq_id="1772366591000-9", failure_state="CALLBACK_SUCCESS",
            left="failure function: success"),
    run_row("wfr_done", "RUN_SUCCESS", "/api/thumb", 3, completed_at=NOW - 30_000,
            parent="wfr_order"),
]  # fmt: skip
ERROR = {
    "time": NOW - 70_000,
    "error": "500 Internal Server Error",
    "body": '{"message": "no such mailbox"}',
}
RUN_STEPS = [
    step(0, "init", "Initial", 0, 2),
    step(1, "charge", "Run", 2, 15, log={"out": '{"paid": true}'}),
    step(2, "stock", "Run", 15, 30, parallel=True, log={"out": "12"}),
    step(2, "rates", "Call", 15, 48, parallel=True,
         log={"callUrl": "https://rates.example.com/eur", "callResponseStatus": 200,
              "callResponseBody": '{"eur": 1.08}'}),
    step(3, "mail", "Run", 48, None, state="STEP_RETRY",
         log={"errors": [ERROR], "retries": 3, "messageId": "msg_run_mail"}),
    step(4, "paid", "Wait", 50, None, log={"waitEventId": "order-paid"}),
]  # fmt: skip
HOOK = "http://127.0.0.1:8080/v2/workflows/hooks/defaultUser/wfr_order/order-paid"


def run_detail(row: dict[str, Any]) -> dict[str, Any]:
    """A run with its steps."""
    is_order = row["id"] == "wfr_order"
    return {"row": row, "steps": RUN_STEPS, "payload": '{"order": 42}',
            "children": [RUNS[3]] if is_order else [],
            "hints": {"msg_run_mail": "The app answered 500: no such mailbox"},
            "hooks": {"order-paid": HOOK} if is_order else {}}  # fmt: skip


class World:
    """What the remote server knows, says and was asked."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = {r["id"]: r for r in (sample_rows() if rows is None else rows)}
        self.details: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.refuse: dict[str, tuple[int, str]] = {}
        self.faults: list[dict[str, Any]] = []
        self.output: dict[str, Any] = {"process": None, "lines": [], "count": 0}
        self.pages = 0
        self.seq = 1000
        self.now = NOW
        self.clock = dict(REAL)
        self.more: dict[str, Any] = {}
        self.ticks: list[dict[str, Any]] = []
        self.url = ""
        self._streams: list[asyncio.Queue[dict[str, Any] | None]] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    # What it says

    def server(self) -> dict[str, Any]:
        """The state of the server as a whole."""
        base = {
            "version": "0.1.0", "pid": 4242, "url": "http://127.0.0.1:8080", "port": 8080,
            "data_dir": ".qstash-dev", "app": {"url": "http://localhost:3000", "up": True},
            "clock": self.clock,
            "tunnel": {"state": "off", "url": None, "code": None, "hint": None},
            "external": "allow", "hold": True, "paused": False, "faults": 0, "auto_replay": "off",
            "env": ENV,
        }  # fmt: skip
        return {**base, **self.more}

    def counts(self) -> dict[str, int]:
        """How many there are."""
        states = [r["state"] for r in self.rows.values()]
        counts = {name: states.count(name) for name in COUNTED}
        dead = sum(1 for r in self.rows.values() if r["dlq_id"])
        return {"messages": len(states), **counts, "dlq": dead, "workflows": len(RUNS),
                "schedules": len(SCHEDULES),
                "queues": len(QUEUES), "groups": len(GROUPS), "flow": len(FLOW)}  # fmt: skip

    def matching(self, filter: str | None) -> list[dict[str, Any]]:
        """The rows, newest first, that match `state:X` or a plain word."""
        rows = sorted(self.rows.values(), key=lambda r: -r["seq"])
        if not filter:
            return rows
        key, colon, value = filter.partition(":")
        if colon and key not in ("state", "id", "run", "queue", "schedule", "group", "flow"):
            raise ValueError(f'Unknown filter key "{key}"; did you mean "state"?')
        value = value.strip('"')
        if colon:
            field = {"group": "topic", "flow": "flow_key"}.get(key, key)
            return [r for r in rows if value in (r.get(field) or "")]
        return [r for r in rows if filter in r["url"] + r["id"]]

    def say(self, *rows: dict[str, Any], removed: tuple[str, ...] = (), **more: Any) -> None:
        """Change rows and tell every reader in one tick."""
        for changed in rows:
            self.rows[changed["id"]] = changed
        for id in removed:
            self.rows.pop(id, None)
        self.seq += 1
        events = [{**event, "seq": self.seq} for r in rows for event in _events(r)[-1:]]
        tick = {
            "seq": self.seq,
            "now": self.now,
            "rows": list(rows),
            "removed": list(removed),
            "events": events,
            "counts": self.counts(),
            "server": self.server(),
            **more,
        }
        self.ticks.append(tick)
        for stream in self._streams:
            stream.put_nowait(tick)

    # How it is reached

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen on a free port, which nobody gets while the server is away; the address."""
        with reserved_port() as self._port:
            await self.start()
            try:
                yield self.url
            finally:
                await self.stop()

    async def start(self) -> None:
        """Listen; after a stop on the same port as before."""
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Go away as a process that ends."""
        self.hang_up()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def hang_up(self) -> None:
        """End all streams, as for readers that fell behind."""
        for stream in self._streams:
            stream.put_nowait(None)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method, path = request.method, request.raw_path.partition("?")[0]
        if path in self.refuse:
            status, message = self.refuse[path]
            return web.json_response({"error": message}, status=status)
        if path == "/_dev/events":
            return await self._stream(request)
        if method != "GET":
            return await self._change(request, path)
        try:
            return self._read(request, path)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)

    def _read(self, request: web.Request, path: str) -> web.Response:
        query = request.query
        if path in ("/_dev/snapshot", "/_dev/messages"):
            return web.json_response(self._page(query, path))
        if found := re.fullmatch(r"/_dev/messages/([^/]+)(?:/attempts/\d+)?/body", path):
            return web.Response(body=self.bodies.get(found[1], b'{"order": 42}'))
        if found := re.fullmatch(r"/_dev/messages/([^/]+)", path):
            return self._detail(found[1])
        if found := re.fullmatch(r"/_dev/workflows/([^/]+)", path):
            return web.json_response(run_detail(next(r for r in RUNS if r["id"] == found[1])))
        answers: dict[str, Any] = {
            "/_dev/workflows": {"runs": RUNS[::-1], "cursor": None},
            "/_dev/health": {
                "ok": True,
                "version": "0.1.0",
                "pid": 4242,
                "url": self.url,
                "uptime_ms": 1,
            },
            "/_dev/schedules": {"schedules": SCHEDULES},
            "/_dev/queues": {"queues": QUEUES},
            "/_dev/groups": {"groups": GROUPS},
            "/_dev/flow": {"keys": FLOW},
            "/_dev/faults": {"faults": self.faults},
            "/_dev/app": self.output,
            "/_dev/clock": {**self.clock, "now": self.now, "wall": self.now},
            "/_dev/dlq": {"cursor": None, "entries": [
                {"dlq_id": r["dlq_id"], "time": r["updated_at"], "row": r}
                for r in self.matching(None) if r["dlq_id"]][: int(query.get("limit", 200))]},
            "/_dev/logs": {"seq": self.seq, "events": [
                event for r in reversed(self.matching(None)) for event in _events(r)]},
        }  # fmt: skip
        if path not in answers:
            return web.json_response({"error": f"There is nothing at {path}."}, status=404)
        return web.json_response(answers[path])

    def _page(self, query: Any, path: str) -> dict[str, Any]:
        self.pages += 1
        rows = self.matching(query.get("filter"))
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        more = str(start + limit) if len(rows) > start + limit else None
        page = {"rows": rows[start : start + limit], "cursor": more, "total": len(rows)}
        if path.endswith("messages"):
            return page
        return {"seq": self.seq, "now": self.now, "server": self.server(),
                "counts": self.counts(), **page}  # fmt: skip

    def _detail(self, id: str) -> web.Response:
        if id not in self.rows:
            return web.json_response({"error": f"message {id} not found"}, status=404)
        made = detail_of(self.rows[id], list(self.rows.values()))
        return web.json_response({**made, **self.details.get(id, {})})

    async def _change(self, request: web.Request, path: str) -> web.Response:
        raw = await request.read()
        is_json = "json" in request.headers.get("Content-Type", "")
        asked = json.loads(raw) if raw and is_json else raw.decode() or None
        shown = request.raw_path.removeprefix(path)
        self.headers.append(request.headers)
        self.asked.append((request.method, path + shown, asked))
        answer: dict[str, Any] = {
            "id": "msg_new",
            "ids": ["msg_new"],
            "paused": True,
            "deleted": 1,
            "undo": f"undo_{len(self.asked)}",
            "restored": 2,
        }
        if path == "/_dev/clock":
            answer = {**self.clock, "now": self.now + 12_000, "wall": self.now, "offset_ms": 12_000}
        if path.startswith(("/v2/publish/", "/v2/enqueue/")):
            answer = {"messageId": "msg_new"}
        return web.json_response(answer)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for missed in self.ticks:
            if missed["seq"] > int(request.query["after"]):
                queue.put_nowait(missed)
        self._streams.append(queue)
        await answer.write(b": ping\n\n")
        try:
            while (tick := await queue.get()) is not None:
                await answer.write(self._sse(tick, request.query.get("filter")))
        except ConnectionResetError:
            pass  # The reader went away.
        finally:
            self._streams.remove(queue)
        return answer

    def _sse(self, tick: dict[str, Any], filter: str | None) -> bytes:
        if filter:
            matching = {r["id"] for r in self.matching(filter)}
            matched = [r["id"] for r in tick["rows"] if r["id"] in matching]
            tick = {**tick, "matched": matched}
        return f"id: {tick['seq']}\ndata: {json.dumps(tick)}\n\n".encode()


@contextmanager
def in_thread(world: World) -> Iterator[str]:
    """The world on a loop of its own, for tests that have no loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(world.start(), loop).result(PATIENCE_S)
        yield world.url
    finally:
        asyncio.run_coroutine_threadsafe(world.stop(), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()
