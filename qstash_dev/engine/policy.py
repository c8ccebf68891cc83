"""How a server behaves where QStash leaves a choice: one frozen value that can be replaced."""

from msgspec import Struct

from qstash_dev.protocol.quota import Limits


class Policy(Struct, frozen=True):
    """Limits, and what is done about destinations, waits and old messages. Times are milliseconds.

    `plan` is what lints compare with; without it there are none. `own_ports` are those that the
    server itself listens on.
    """

    limits: Limits
    plan: Limits | None = None
    routes: tuple[tuple[str, str], ...] = ()
    external: str = "allow"
    hold: bool = False
    retry_interval_ms: int | None = None
    dedup_window_ms: int = 600_000
    max_messages: int = 10_000
    max_age_ms: int = 7 * 86_400_000
    strict: bool = False
    own_ports: frozenset[int] = frozenset()
