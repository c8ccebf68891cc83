"""Where the app is that nobody named: a delivery that was answered tells it. Asks no process."""

from collections.abc import Awaitable, Callable

from qstash_dev.devtools import faults
from qstash_dev.engine.tasks import Tasks
from qstash_dev.engine.workflows import calls_a_third_party
from qstash_dev.protocol.model import Attempt, Message, Response
from qstash_dev.protocol.urls import is_loopback, origin_of, same_listener, same_port


class FoundApp:
    """Starts from where apps are by default. While nothing listens there, the first that answers on
    another port of this machine is the app; as soon as one answers where they are by default, that is.
    """

    def __init__(
        self,
        default: str,
        tasks: Tasks,
        accepts: Callable[[str], Awaitable[bool]],
        found: Callable[[str], None],
    ) -> None:
        self._default = self._at = default
        self._tasks = tasks
        self._accepts = accepts
        self._found = found
        self._is_looking = False

    def settled(self, message: Message, attempt: Attempt) -> None:
        """An attempt has its outcome. Calls of workflows and what was routed go to others."""
        if same_port(attempt.target, self._at):
            return  # as nearly all, at the cost of a look
        origin = origin_of(attempt.target)
        is_answer = isinstance(attempt.outcome, Response) and origin == origin_of(message.spec.url)
        if not is_answer or faults.hint(attempt.outcome) or calls_a_third_party(message):
            return
        if same_listener(origin, self._default):
            self._move(self._default)
        elif self._at == self._default and not self._is_looking and is_loopback(origin):
            self._is_looking = True
            self._tasks.once("looking for the app", self._look(origin))

    async def _look(self, origin: str) -> None:
        is_up = await self._accepts(self._default)
        self._is_looking = False
        if not is_up:
            self._move(origin)

    def _move(self, origin: str) -> None:
        self._at = origin
        self._found(origin)
