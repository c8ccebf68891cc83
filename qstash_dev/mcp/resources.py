"""Tools for schedules, queues, faults, and the server as a whole."""

from typing import Literal

from qstash_dev.client.paths import path_of
from qstash_dev.devtools.control_documents import FaultRow, Faults, Fired
from qstash_dev.devtools.faults import Kind
from qstash_dev.mcp import short
from qstash_dev.mcp.tools import Document, Tools


class ResourceTools(Tools):
    """Whatever is about things that are set up."""

    async def list_schedules(self) -> Document:
        """Schedules, each with its cron expression and next time."""
        async with self.client() as client:
            found = await client.resources("schedules")
        schedules = [
            short.present(
                id=one["scheduleId"],
                cron=one["cron"],
                destination=one["destination"],
                paused=one["isPaused"] or None,
                next=short.moment(one.get("nextScheduleTime")),
                last=short.moment(one.get("lastScheduleTime")),
            )
            for one in found
        ]
        return {"schedules": schedules}

    async def run_schedule(self, id: str) -> Document:
        """Let a schedule fire now, beside its times."""
        async with self.client() as client:
            fired = await client.ask("POST", path_of("schedules", id, "run"), Fired)
        return {"messages": fired.ids}

    async def list_queues(self) -> Document:
        """Queues, with how many messages wait and are under way."""
        async with self.client() as client:
            found = await client.resources("queues")
        keys = ("name", "parallelism", "paused", "lag", "active")
        return {"queues": [{key: one[key] for key in keys} for one in found]}

    async def set_paused(
        self, kind: Literal["schedules", "queues", "flow"], name: str, paused: bool
    ) -> Document:
        """Pause or resume a schedule, a queue or a flow-control key. The pause of a key that no message
        has had makes it, and is answered with `is_new`.
        """
        verb = "pause" if paused else "resume"
        async with self.client() as client:
            known = await client.resources("flow") if kind == "flow" else None
            await client.request("POST", path_of(kind, name, verb))
        is_new = known is not None and all(one["flowControlKey"] != name for one in known)
        return short.present(name=name, paused=paused, is_new=is_new or None)

    async def list_faults(self) -> Document:
        """Rules that make deliveries go wrong on purpose, with how often each was applied."""
        async with self.client() as client:
            found = await client.ask("GET", "/_dev/faults", Faults)
        return {"faults": [_fault(rule) for rule in found.faults]}

    async def add_fault(
        self,
        kind: Kind,
        filter: str = "",
        status: int | None = None,
        latency_ms: int = 0,
        times: int | None = None,
    ) -> Document:
        """Make deliveries that match a filter go wrong: `status` answers with a status, `latency` and
        `timeout` delay, `drop` loses the app's answer, `duplicate` and `reorder` deliver twice or late,
        `publish` refuses the publish. `times`: how often, else always.
        """
        order = short.present(kind=kind, filter=filter, status=status, times=times)
        async with self.client() as client:
            rule = await client.ask(
                "POST", "/_dev/faults", FaultRow, json={**order, "latency_ms": latency_ms}
            )
        return _fault(rule)

    async def clear_faults(self) -> Document:
        """Forget all faults."""
        async with self.client() as client:
            await client.request("DELETE", "/_dev/faults")
        return {"faults": []}

    async def reset(self) -> Document:
        """Forget all messages, schedules, queues, groups and logs."""
        async with self.client() as client:
            await client.request("POST", "/_dev/reset")
        return {"forgotten": True}


def _fault(rule: FaultRow) -> Document:
    return short.present(
        id=rule.id,
        kind=rule.kind,
        filter=rule.filter,
        status=rule.status,
        latency_ms=rule.latency_ms or None,
        times=rule.times,
        hits=rule.hits,
    )
