"""The HTTP/1.1 client of deliveries: exactly what it is given goes out, once, and nothing else.

No redirects, cookies, proxies of the environment, or headers of its own. Connections are kept for a
short while. It refuses to know what a message is.
"""

import asyncio
from time import perf_counter

from qstash_dev.protocol.model import Headers
from qstash_dev.transport.answer import Answer
from qstash_dev.transport.app_connection import Connection
from qstash_dev.transport.dialing import Dialer, OwnPorts
from qstash_dev.transport.framing import request_head
from qstash_dev.transport.stages import Stages
from qstash_dev.transport.target import Origin, Target, target_of

# Next.js closes idle connections after 5 s: a POST must not meet a closing socket.
IDLE_S = 3.0


class Client:
    """Makes requests; reads at most `max_body` bytes of an answer's body.

    A connection is kept for `idle_s` after an answer, less if the app says so. `own_ports`: see
    Dialer.
    """

    def __init__(
        self, max_body: int, idle_s: float = IDLE_S, own_ports: OwnPorts = frozenset
    ) -> None:
        self._max_body = max_body
        self._idle_s = idle_s
        self._dialer = Dialer(own_ports)
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._emptied: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._is_turn_taken = False

    async def request(
        self, method: str, url: str, headers: Headers, body: bytes, stages: Stages
    ) -> Answer:
        """Make one request. Raises Trouble; ValueError for a request that cannot be written.

        A connection whose end can be seen is not used. Once a byte is written there is no second
        try: the app may have acted on it. The first request of a turn of the loop goes at once, the
        others in a row in the next: to wake an app costs more than to write to it.
        """
        target = target_of(url)
        head = request_head(method, target, headers, len(body))
        if self._is_turn_taken:
            await asyncio.sleep(0)
        else:
            self._is_turn_taken = True
            self._loop.call_soon(self._next_turn)
        connection = self._take(target.origin) or await self._dial(target, stages)
        stages.connected = perf_counter()
        try:
            return await connection.exchange(method, head, body, stages)
        except asyncio.CancelledError:
            connection.close()
            raise

    async def close(self) -> None:
        """Close all connections, also those in use."""
        for connection in list(self._open):
            connection.close()
        if self._open:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def _next_turn(self) -> None:
        self._is_turn_taken = False

    def _take(self, origin: Origin) -> Connection | None:
        """The connection used last: the others may end."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_usable():
                return connection
            connection.close()
        return None

    async def _dial(self, target: Target, stages: Stages) -> Connection:
        connection = Connection(
            target.origin, self._max_body, self._idle_s, self._freed, self._lost
        )
        await self._dialer.dial(target, connection, stages)
        if connection.is_open():
            self._open.add(connection)
        return connection

    def _freed(self, connection: Connection) -> None:
        self._idle.setdefault(connection.origin, []).append(connection)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None:
            if connection in idle:
                idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)
