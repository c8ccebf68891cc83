"""How a server behaves where QStash leaves a choice: one frozen value that can be replaced."""

from sys import intern
from typing import Literal

from msgspec import Struct

from qstash_dev.protocol.destination import urls_of
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Spec
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.urls import KeptHosts, Nearby, Way, dialled, way


class Policy(Struct, frozen=True):
    """Limits, and what is done about destinations, waits and old messages. Times are milliseconds.

    `plan` is what lints compare with; without it there are none. `retry_interval_ms` replaces every
    wait between attempts. `own_ports` are those that the server itself listens on, `nearby` the hosts
    that count as this machine.
    """

    limits: Limits
    plan: Limits | None = None
    routes: tuple[tuple[str, str], ...] = ()
    kept_hosts: KeptHosts = KeptHosts()
    external: Literal["allow", "hold", "deny"] = "allow"
    hold: bool = False
    retry_interval_ms: int | None = None
    dedup_window_ms: int = 600_000
    max_messages: int = 10_000
    max_age_ms: int = 7 * 86_400_000
    strict: bool = False
    own_ports: frozenset[int] = frozenset()
    nearby: Nearby = Nearby()

    def way(self, url: str) -> Way:
        """Where a URL leads."""
        return way(url, self.routes, self.own_ports, self.nearby)

    def app_of(self, url: str) -> str:
        """What a message is delivered to, as `urls.dialled` has it."""
        return intern(dialled(url, self.routes))

    def check(self, spec: Spec) -> None:
        """Raises QStashError(400) for a message that would call this very server, now or later."""
        for what, url in urls_of(spec):
            self.check_url(url, what)

    def check_url(self, url: str, what: str) -> None:
        """Raises QStashError(400) for a URL that leads to this very server."""
        leads = self.way(url)
        if leads.is_barred:
            raise QStashError(
                400,
                f"invalid {what} url: {leads.target[:500]} is qstash-dev itself, not an app: "
                "only its /v2/ can be called",
            )
