"""Tools for workflow runs."""

from qstash_dev.client.paths import path_of
from qstash_dev.devtools.control_documents import MadeRun, Notified
from qstash_dev.devtools.run_documents import RunDetail, RunPage
from qstash_dev.mcp import short
from qstash_dev.mcp.tools import Document, Tools


class WorkflowTools(Tools):
    """Whatever is about runs."""

    async def list_workflows(self, state: str | None = None, limit: int = 20) -> Document:
        """Workflow runs, newest first, with what each waits for. `state` is some of live, success,
        failed, canceled, with commas between.
        """
        params = {"state": state, "limit": limit}
        async with self.client() as client:
            now = (await client.clock()).now or 0
            page = await client.ask("GET", "/_dev/workflows", RunPage, params=params)
        return {"runs": [short.run(row, now) for row in page.runs]}

    async def get_workflow(self, id: str, bodies: bool = False) -> Document:
        """One run as its steps on a time line; `bodies` adds inputs, outputs and errors of steps."""
        async with self.client() as client:
            now = (await client.clock()).now or 0
            found = await client.ask("GET", path_of("workflows", id), RunDetail)
        return {
            **short.run(found.row, now),
            "steps": [short.step(one, bodies) for one in found.steps],
            **short.present(
                failure=found.failure,
                payload=found.payload[: short.SHOWN] if bodies else None,
                response=found.response[: short.SHOWN] if bodies and found.response else None,
            ),
        }

    async def resume_workflow(self, id: str, restart: bool = False) -> Document:
        """Go on with a failed run from its failed step, as a new run; or `restart` it as a whole."""
        verb = "restart" if restart else "resume"
        async with self.client() as client:
            made = await client.ask("POST", path_of("workflows", id, verb), MadeRun)
        return {"id": made.id}

    async def notify_workflows(self, event: str, data: str = "") -> Document:
        """Send an event to all runs that wait for it."""
        order = {"event": event, "body": data}
        async with self.client() as client:
            found = await client.ask("POST", "/_dev/notify", Notified, json=order)
        return {"resumed": found.resumed}

    async def cancel_workflow(self, id: str) -> Document:
        """Cancel a live run."""
        async with self.client() as client:
            await client.request("POST", path_of("workflows", id, "cancel"))
        return {"id": id}
