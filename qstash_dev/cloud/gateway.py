"""What faces the internet: the ingress port, the tunnel to it, and the real QStash behind `--cloud`.

Built only when a tunnel is asked for. Secrets come from the environment and stay in memory.
"""

import asyncio
import contextlib
import logging
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import asdict, replace

from qstash_dev.api import web
from qstash_dev.api.call import Context
from qstash_dev.api.listener import ApiServer
from qstash_dev.cloud.admission import Gate
from qstash_dev.cloud.ingress import Ingress
from qstash_dev.cloud.proxy import Cloud
from qstash_dev.cloud.relay import Relay
from qstash_dev.cloud.rewrite import Borders, Sent
from qstash_dev.cloud.tunnel import ExternalTunnel, Phase, Tunnel, TunnelState
from qstash_dev.config import Config, env_file
from qstash_dev.config.errors import ConfigError
from qstash_dev.devtools import documents
from qstash_dev.devtools.control_documents import CloudCalls, TunnelDetail
from qstash_dev.engine.engine import Engine
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Spec
from qstash_dev.protocol.publish.draft import parse_draft
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.urls import Place, way
from qstash_dev.protocol.users import CLOUD_USER, DEV_USERS
from qstash_dev.transport.sockets import listen_on_loopback, own_url

log = logging.getLogger(__name__)

CLOUD_URL = "https://qstash.upstash.io"
EXTERNAL_INGRESS_PORT = 8082
GRACE_S = 5.0
KEYS_AGAIN_S = 5.0

_NO_KEYS = (
    "The tunnel is open, but every delivery is refused: the cloud's signing keys are not known. Set "
    "QSTASH_CLOUD_CURRENT_SIGNING_KEY and QSTASH_CLOUD_NEXT_SIGNING_KEY, or --tunnel-open."
)


class Gateway:
    """Everything between the internet and the engine. `on_change` is called when `brief` changed.

    Raises ConfigError when the settings do not fit together.
    """

    def __init__(
        self,
        config: Config,
        engine: Engine,
        environ: Mapping[str, str],
        on_change: Callable[[], None],
        notice: Callable[[str], None],
    ) -> None:
        check(config)
        self._config = config
        self._engine = engine
        self._on_change = on_change
        self._notice = notice
        self._environ = environ
        self._variables = _variables(config, environ)
        self._relay = Relay(engine, config.users[0].id)
        self._keys: tuple[str, str] | None = None
        self._learn(_known_keys(self._variables, config))
        self._tunnel: Tunnel | None = None
        self._ingress: Ingress | None = None
        self._port = 0
        self._url = ""
        self._tasks = Tasks()
        self._closers = contextlib.AsyncExitStack()
        self.cloud = self._make_cloud()

    # Life

    async def listen(self, context: Context, api_port: int) -> None:
        """Listen on the ingress port. Raises PortInUse or ConfigError."""
        if self.cloud is not None:
            _refuse_circle(self.cloud.url, api_port)
        async with contextlib.AsyncExitStack() as stack:
            if self.cloud is not None:
                stack.push_async_callback(self.cloud.close)
            data_dir = self._data_dir(stack)
            user = self._config.users[0].id
            token = secrets.token_urlsafe(24)
            self._ingress = Ingress(context, self._relay, self.gate, user, token)
            sock = listen_on_loopback(self._wanted_port())
            self._port, self._url = sock.getsockname()[1], own_url(sock)
            tunnel = self._tunnel = self._make_tunnel(data_dir)
            stack.push_async_callback(tunnel.stop)
            listeners = web.Listeners(ApiServer(self._ingress.serve), GRACE_S)
            stack.push_async_callback(listeners.close)
            await listeners.add(sock)
            self._closers = stack.pop_all()

    async def open(self) -> None:
        """Begin to open the tunnel; what comes of it is told by `notice` and `on_change`."""
        assert self._tunnel is not None
        await self._tunnel.start()
        if self.cloud is not None and self._keys is None:
            cloud = self.cloud
            self._tasks.keep("fetching the cloud's signing keys", lambda: self._fetch_keys(cloud))

    async def stop(self) -> None:
        """Take nothing more in, let what is under way end, then close the tunnel."""
        await self._tasks.stop()
        await self._closers.aclose()

    def lead_to(self, app_url: str) -> None:
        """The app turned out to be there."""
        self._config = replace(self._config, app_url=app_url)

    # What is known

    @property
    def port(self) -> int:
        """Where the ingress listens."""
        return self._port

    @property
    def state(self) -> TunnelState:
        """Where the tunnel stands."""
        return self._tunnel.state if self._tunnel is not None else TunnelState(Phase.OFF)

    def gate(self) -> Gate | None:
        """Who may come in now; `None` while there is no public address."""
        url = self.state.url
        if url is None:
            return None
        config = self._config
        return Gate(
            public_url=url,
            app_url=config.app_url,
            routes=self._engine.policy.routes,
            kept_hosts=self._engine.policy.kept_hosts,
            keys=self._keys,
            is_open=config.tunnel_open,
            resign=config.resign,
            own_ports=self._engine.policy.own_ports,
            nearby=self._engine.policy.nearby,
        )

    def brief(self) -> documents.Tunnel:
        """What the status line shows."""
        state, ingress = self.state, self._ingress
        if state.state is Phase.ONLINE and self._keys is None and not self._config.tunnel_open:
            state = replace(state, hint=_NO_KEYS)
        return documents.Tunnel(
            **asdict(state),
            admitted=ingress.admitted if ingress else 0,
            refused=ingress.refused if ingress else 0,
            cloud=None if self.cloud is None else documents.CloudState(self.cloud.trouble),
        )

    def describe(self) -> TunnelDetail:
        """All that a developer may want to know, with the address for webhooks."""
        url, ingress, cloud = self.state.url, self._ingress, self.cloud
        address = f"{self._config.app_url}/"
        return TunnelDetail(
            **{
                **asdict(self.brief()),
                "cloud": cloud and CloudCalls(cloud.url, cloud.passed, cloud.trouble),
            },
            ingress=self._url,
            open=self._config.tunnel_open,
            keys_known=self._keys is not None,
            webhook=ingress.webhook_url(url, address) if ingress and url else None,
            refusals=ingress.refusals() if ingress else (),
        )

    # Parts

    def _make_tunnel(self, data_dir: Path) -> Tunnel:
        config = self._config
        if config.public_url is not None:
            return ExternalTunnel(config.public_url, self._changed)
        # Imported late: pyngrok costs a tenth of a second.
        from qstash_dev.cloud.tunnel.ngrok import NgrokTunnel

        return NgrokTunnel(
            self._url,
            data_dir=data_dir,
            domain=config.domain,
            environ=self._environ,
            allow_download=config.tunnel_install,
            on_state=self._changed,
        )

    def _make_cloud(self) -> Cloud | None:
        if not self._config.cloud:
            return None
        token = self._variables.get("QSTASH_CLOUD_TOKEN")
        if not token:
            raise ConfigError("--cloud", "the token of your account must be in QSTASH_CLOUD_TOKEN.")
        url = self._variables.get("QSTASH_CLOUD_URL") or CLOUD_URL
        return Cloud(url, token, self._borders, self._sent, self._relay.cancelled, self._on_change)

    def _borders(self) -> Borders:
        policy = self._engine.policy
        return Borders(self.state.url or "", policy.routes, policy.nearby)

    def _sent(self, user: str, sent: Sent) -> None:
        self._relay.expect(_spec(sent), sent.message_id, user, sent.body)

    def _data_dir(self, stack: contextlib.AsyncExitStack) -> Path:
        if self._config.data_dir is not None:
            return self._config.data_dir
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-dev-")))

    def _wanted_port(self) -> int:
        if self._config.ingress_port is not None:
            return self._config.ingress_port
        return EXTERNAL_INGRESS_PORT if self._config.public_url is not None else 0

    def _learn(self, keys: tuple[str, str] | None) -> None:
        """Use these cloud keys. They are the user's own if the app's credentials were adopted."""
        user = self._config.users[0].id
        own = self._engine.attempts.signing_keys(user)
        self._keys = keys
        self._relay.keeper = user if keys in (None, own) else CLOUD_USER
        self._engine.attempts.borrow(CLOUD_USER, keys or own)

    async def _fetch_keys(self, cloud: Cloud) -> None:
        while (keys := await cloud.keys()) is None:
            await asyncio.sleep(KEYS_AGAIN_S)
        self._learn(keys)
        self._on_change()

    def _changed(self, state: TunnelState) -> None:
        words = {
            Phase.STARTING: "tunnel: starting",
            Phase.ONLINE: f"tunnel: {state.url} -> {self._config.app_url}",
            Phase.STOPPED: "tunnel: closed",
        }
        text = words.get(state.state, f"tunnel: {state.state}")
        hint = self.brief().hint if self._tunnel is not None else state.hint
        self._notice(f"{text}. {hint}" if hint else text)
        self._on_change()


def check(config: Config) -> None:
    """Raises ConfigError for settings that contradict each other."""
    if config.tunnel and config.public_url is not None:
        raise ConfigError(
            "--public-url", "it names a tunnel that runs already: leave --tunnel out."
        )
    if config.cloud and not config.tunnel and config.public_url is None:
        raise ConfigError(
            "--cloud", "the cloud must reach this machine: add --tunnel or --public-url."
        )


def _variables(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Settings of the cloud: of the environment, else of the app's `.env` file."""
    given = env_file.read(config.env_file) if config.env_file is not None else {}
    return {**given, **{name: value for name, value in environ.items() if value}}


def _known_keys(variables: Mapping[str, str], config: Config) -> tuple[str, str] | None:
    """`QSTASH_CLOUD_*`; else the app's own keys in the adopted file, unless everybody has them."""
    current = variables.get("QSTASH_CLOUD_CURRENT_SIGNING_KEY")
    if current:
        return current, variables.get("QSTASH_CLOUD_NEXT_SIGNING_KEY", "")
    if config.env_file is None:
        return None
    given = env_file.read(config.env_file)
    current = given.get("QSTASH_CURRENT_SIGNING_KEY")
    public = {key for user in DEV_USERS for key in (user.current_key, user.next_key)}
    if not current or current in public:
        return None
    return current, given.get("QSTASH_NEXT_SIGNING_KEY", "")


def _refuse_circle(cloud_url: str, api_port: int) -> None:
    if way(cloud_url, own_ports=frozenset({api_port})).place is Place.OURS:
        raise ConfigError("QSTASH_CLOUD_URL", f'"{cloud_url}" is this very server.')


def _spec(sent: Sent) -> Spec:
    """As a local publish would read it; what only the cloud understands is left out."""
    unlimited = Limits(
        max_retries=None, max_delay_s=None, max_message_size=None, max_flow_period_s=None
    )
    try:
        return parse_draft(sent.url, sent.headers, unlimited).spec
    except QStashError as error:
        log.info(
            "a message that the cloud accepted is shown without its settings: %s", error.message
        )
        return Spec(url=sent.url)
