"""Tools for messages: look at them, understand them, send and replay them."""

from qstash_dev.devtools.documents import Page
from qstash_dev.devtools.written import absolute, publish_name
from qstash_dev.mcp import short
from qstash_dev.mcp.arguments import Count, Duration
from qstash_dev.mcp.tools import Document, Tools
from qstash_dev.protocol.publish.readers import Method


class MessageTools(Tools):
    """Whatever is about messages."""

    async def list_messages(self, filter: str = "", limit: int = 20) -> Document:
        """Messages, newest first. `filter` is terms that all hold, such as `state:failed`,
        `dest:/api/orders`, `code:5xx`, `age:<5m`, `body:"user 42"`, `queue:mail`, `run:wfr_1`; `|` in a
        value is or, `-` in front is not.
        """
        async with self.client() as client:
            page: Page = await client.messages(filter, limit=limit)
        return {"total": page.total, "messages": [short.message(row) for row in page.rows]}

    async def get_message(self, id: str, bodies: bool = False) -> Document:
        """One message: its state, the cause of a failure and its fix, what it waits for, and every
        attempt. `bodies` adds headers (secrets masked) and the beginning of each body.
        """
        async with self.client() as client:
            return short.detail(await client.message(id), bodies)

    async def explain_signature(
        self, id: str, url: str = "", body: str = "", attempt: int | None = None
    ) -> Document:
        """Why the app accepts or refuses the signature of a delivery. `url` and `body` are those that
        the app compares, if they may differ from what was sent.
        """
        given = short.present(url=url, body=body, attempt=attempt)
        async with self.client() as client:
            found = await client.verify(id, given)
        inspection = found["inspection"]
        return short.present(
            valid=inspection["valid"],
            signed_with=inspection["key"],
            problems=inspection["problems"],
            claims=inspection["claims"],
            app_answered=found["status"],
            sent_to=found["target"],
        )

    async def dead_letters(self, limit: int = 20) -> Document:
        """Messages that ran out of retries, newest first."""
        async with self.client() as client:
            entries = await client.dlq(limit=limit)
        return {"dead_letters": [short.message(entry.row) for entry in entries]}

    async def wait(self, filter: str, count: int = 1, timeout_s: float = 5) -> Document:
        """Wait, in real time, until `count` messages match a filter."""
        async with self.client(timeout_s) as client:
            answer = await client.wait(filter, count, int(timeout_s * 1000))
        found = {"met": answer.met, "messages": [short.message(row) for row in answer.rows]}
        return found | ({"nearest": answer.nearest} if answer.nearest else {})

    async def logs(self, filter: str = "", limit: int = 50) -> Document:
        """What happened, oldest first: the last `limit` events of messages that match."""
        async with self.client() as client:
            found = await client.logs(filter=filter or None, limit=limit)
        return {"events": [short.event(one) for one in found.events]}

    async def send(
        self,
        url: str,
        body: str = "",
        headers: dict[str, str] | None = None,
        method: Method = "POST",
        delay: Duration | None = None,
        retries: Count | None = None,
        queue: str | None = None,
    ) -> Document:
        """Publish a message. `url` may be a path of the app, such as `/api/orders`. Headers named
        `Upstash-...` configure it, others are for the destination.
        """
        given = {publish_name(name): value for name, value in (headers or {}).items()}
        own = short.present(
            **{
                "Upstash-Method": method,
                "Upstash-Delay": delay,
                "Upstash-Retries": None if retries is None else str(retries),
                "Upstash-Queue-Name": queue,
            }
        )
        async with self.client() as client:
            server = (await client.snapshot(limit=1)).server
            place, token = absolute(url, server.app.url), server.env.get("QSTASH_TOKEN")
            answer = await client.publish(place, body.encode(), {**given, **own}, token)
        return {"sent": answer}

    async def replay(
        self,
        id: str,
        body: str = "",
        headers: dict[str, str] | None = None,
        url: str = "",
    ) -> Document:
        """Send a message again as a new one, as it was or with another body, headers or URL."""
        # Plain `str`: what may also be something else, the SDK reads as JSON if it looks like that.
        changes = short.present(body=body, headers=headers, url=url)
        async with self.client() as client:
            return {"id": await client.replay(id, changes)}

    async def run_now(self, id: str) -> Document:
        """Deliver now what is delayed, waits for a retry, or is held."""
        async with self.client() as client:
            await client.run(id)
        return {"id": id}

    async def cancel(self, id: str) -> Document:
        """Stop trying to deliver a message."""
        async with self.client() as client:
            await client.cancel(id)
        return {"id": id}
