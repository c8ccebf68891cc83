"""Makes the request of an attempt and returns what came of it, as a value."""

from collections.abc import Callable

from qstash_dev.protocol.model import Outcome, Request, Response, SendFailure, Timing
from qstash_dev.transport.dialing import OwnPorts
from qstash_dev.transport.http import Client
from qstash_dev.transport.stages import Stages
from qstash_dev.transport.trouble import Trouble


class Sender:
    """Sends requests over kept connections. `now` gives the milliseconds that attempts carry, and
    `own_ports` where this server listens.
    """

    def __init__(
        self, now: Callable[[], int], max_body: int, own_ports: OwnPorts = frozenset
    ) -> None:
        self._now = now
        self._client = Client(max_body, own_ports=own_ports)

    async def close(self) -> None:
        await self._client.close()

    async def __call__(self, request: Request) -> Outcome:
        """Make the request once. Never raises for what the network or the destination does."""
        started_at = self._now()
        stages = Stages(request.timeout_ms / 1000)
        try:
            answer = await self._client.request(
                request.method, request.target, request.headers, request.body, stages
            )
        except Trouble as trouble:
            detail = _go_style(request, trouble.text)
            return SendFailure(trouble.reason, detail, _timing(started_at, stages))
        return Response(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            timing=_timing(started_at, stages),
            truncated=answer.truncated,
            http_version=answer.http_version,
        )


def _go_style(request: Request, text: str) -> str:
    """In one line, as Go's HTTP client words it, which is what QStash's logs show."""
    return f'{request.method.capitalize()} "{request.url}": {" ".join(text.split())}'


def _timing(started_at: int, stages: Stages) -> Timing:
    return Timing(started_at, *stages.in_ms())
