"""What was decided at start: one frozen value that the rest of the program reads.

Knows the names and units of settings; not where a value came from, nor how it is spelled.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from msgspec import Struct

from qstash_dev.engine.policy import Policy
from qstash_dev.protocol.hosts import LOOPBACK
from qstash_dev.protocol.model import Endpoint
from qstash_dev.protocol.quota import QUOTAS, Limits
from qstash_dev.protocol.urls import site_of
from qstash_dev.protocol.users import DEV_USERS, User

Output = Literal["tui", "log", "json", "quiet"]


class GroupSeed(Struct, frozen=True):
    """A URL group to create at start."""

    name: str
    endpoints: tuple[Endpoint, ...]
    user: str | None = None


class QueueSeed(Struct, frozen=True):
    """A queue to create at start."""

    name: str
    parallelism: int = 1
    paused: bool = False
    user: str | None = None


class ScheduleSeed(Struct, frozen=True):
    """A schedule to create at start. `headers` are those of `POST /v2/schedules/{destination}`."""

    id: str
    cron: str
    destination: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    paused: bool = False
    user: str | None = None


class Seeds(Struct, frozen=True):
    """Resources of the configuration file. A `user` of `None` is the first user of the Config."""

    groups: tuple[GroupSeed, ...] = ()
    queues: tuple[QueueSeed, ...] = ()
    schedules: tuple[ScheduleSeed, ...] = ()


class Config(Policy, frozen=True, kw_only=True):
    """Every setting of a server: those of its engine, and more. The defaults are those of `serve`.

    `port` 0 is a free port. `users[0]` is the user whose credentials are printed. `data_dir` of
    `None` keeps everything in memory. `clock_scale` counts only in the mode `scaled`.
    `clock_start_ms` is where a frozen clock stands at the start, `None` is now.
    `finished_readable_ms` is how long `GET /v2/messages/{id}` still finds a finished message.
    `is_app_given` says whether a person chose the `app_url`.
    `verbosity` is -1 (quiet), 0, 1 or more. `keys` are ids of the terminal UI's commands, each with
    the keys that a person wants for it.
    """

    port: int = 8080
    log_port: int | None = None
    host: tuple[str, ...] = LOOPBACK
    container: bool = False
    advertised: str | None = None
    quota: str = "payg"
    limits: Limits = QUOTAS["payg"]
    users: tuple[User, ...] = DEV_USERS
    seeds: Seeds = Seeds()

    app_url: str = "http://localhost:3000"
    is_app_given: bool = False

    clock_mode: Literal["real", "frozen", "scaled"] = "real"
    clock_scale: float = 1.0
    clock_start_ms: int | None = None
    auto_replay: Literal["off", "failed"] = "off"
    watch: Path = Path(".")

    tunnel: bool = False
    domain: str | None = None
    public_url: str | None = None
    ingress_port: int | None = None
    tunnel_open: bool = False
    tunnel_install: bool = False
    resign: Literal["auto", "always", "never"] = "auto"
    cloud: bool = False

    data_dir: Path | None = Path(".qstash-dev")
    finished_readable_ms: int = 30_000
    global_parallelism: int = 100

    env_file: Path | None = None
    config_file: Path | None = None
    log_file: Path | None = None
    output: Output = "log"
    verbosity: int = 0
    theme: str | None = None
    desktop: Literal["off", "bell", "osc9"] = "off"
    notify_url: str | None = None
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def called_by(self) -> frozenset[str]:
        """Hosts that are this server and no other, however it is asked: never all addresses."""
        own = {address for address in self.host if not ip_address(address).is_unspecified}
        site = site_of(self.advertised or "")
        return frozenset(own | ({site.host} if site else set()))

    @property
    def token_required(self) -> bool:
        """Whether its tokens protect it, not where it listens: in a container that is no choice."""
        return self.reaches_others and not self.container

    @property
    def faces_internet(self) -> bool:
        """Whether anything of it shall be seen from there."""
        return self.tunnel or self.cloud or self.public_url is not None

    @property
    def reaches_others(self) -> bool:
        """Whether it listens where other machines can call it; `host` are IP addresses."""
        return not all(ip_address(address).is_loopback for address in self.host)
