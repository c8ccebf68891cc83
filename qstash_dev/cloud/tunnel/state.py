"""What is known of the tunnel at one moment, and the words for what can go wrong with it.

Knows no process and no network. `ExternalTunnel` is here because it is nothing but a state.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from qstash_dev.protocol.urls import parts_of, site_of


class Phase(StrEnum):
    """Where the tunnel stands, in the words of `GET /_dev/tunnel`."""

    OFF = "off"
    STARTING = "starting"
    ONLINE = "online"
    RECONNECTING = "reconnecting"
    FAILED = "failed"
    STOPPED = "stopped"


class TunnelState(Struct, frozen=True):
    """One moment of the tunnel.

    `url` is the public address, kept while reconnecting. `code` is one of ngrok's (`ERR_NGROK_105`)
    or of ours (`offline`); `hint` says in full sentences what is wrong and what to do next.
    """

    state: Phase
    url: str | None = None
    code: str | None = None
    hint: str | None = None


OFF = TunnelState(Phase.OFF)

OnState = Callable[[TunnelState], None]


class Tunnel(Protocol):
    """What the server holds: `start` and `stop` return soon and never raise for tunnel trouble."""

    @property
    def state(self) -> TunnelState: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class ExternalTunnel:
    """A tunnel that somebody else runs (cloudflared, Tailscale Funnel, a forwarded port).

    It is believed to be online as soon as its URL makes sense; nobody here watches it.
    """

    def __init__(self, public_url: str, on_state: OnState = lambda state: None) -> None:
        self._url = public_url.rstrip("/")
        self._on_state = on_state
        self.state = OFF

    async def start(self) -> None:
        self._set(_external(self._url))

    async def stop(self) -> None:
        self._set(TunnelState(Phase.STOPPED))

    def _set(self, state: TunnelState) -> None:
        self.state = state
        self._on_state(state)


def _external(url: str) -> TunnelState:
    parts = parts_of(url)
    if parts is None or site_of(url) is None or parts.query or parts.fragment:
        return failed("bad-public-url", url)
    return TunnelState(Phase.ONLINE, url)


def failed(code: str, detail: str = "") -> TunnelState:
    """The end of a tunnel: the code, and its sentence with `detail` where the sentence has room."""
    return TunnelState(Phase.FAILED, None, code, explain(code, detail))


def explain(code: str, detail: str = "") -> str:
    """Why, and the next step. An unknown code of ngrok's keeps ngrok's own words."""
    return _WORDS.get(code, _UNKNOWN).format(
        code=code, number=code.rpartition("_")[2], detail=detail
    )


_UNKNOWN = (
    "ngrok refused with {code}: {detail}. The meaning of the code is explained at "
    "https://ngrok.com/docs/errors/err_ngrok_{number}."
)

# Codes of ngrok: https://ngrok.com/docs/errors (August 2026). The others are ours.
_WORDS = {
    "ERR_NGROK_4018": (
        "ngrok needs an account and no authtoken was found. Copy yours from "
        "https://dashboard.ngrok.com/get-started/your-authtoken and set NGROK_AUTHTOKEN in the "
        "environment of qstash-dev (a token saved by `ngrok config add-authtoken` is not read, "
        "because qstash-dev gives ngrok a config file of its own)."
    ),
    "ERR_NGROK_105": (
        "ngrok does not accept the authtoken: it is not in the form of one. Copy it again from "
        "https://dashboard.ngrok.com/get-started/your-authtoken into NGROK_AUTHTOKEN."
    ),
    "ERR_NGROK_107": (
        "ngrok does not accept the authtoken: it was reset, revoked or belongs to nobody. Copy the "
        "present one from https://dashboard.ngrok.com/get-started/your-authtoken into "
        "NGROK_AUTHTOKEN."
    ),
    "ERR_NGROK_108": (
        "Your ngrok account has too many agents online at once (three on the free plan). Stop one; "
        "https://dashboard.ngrok.com/agents lists them."
    ),
    "ERR_NGROK_334": (
        "The domain is already online: another ngrok agent, perhaps on another machine, serves it. "
        "Stop that one (https://dashboard.ngrok.com/endpoints), or choose another with --domain."
    ),
    "ERR_NGROK_6024": (
        "ngrok showed its warning page for browsers instead of passing the request on. Deliveries "
        "of QStash never see it; a browser or a fetch passes with the header "
        "`ngrok-skip-browser-warning: 1`."
    ),
    "ERR_NGROK_8012": (
        "ngrok got the request but could not reach the ingress port of qstash-dev. Restart "
        "qstash-dev; if it stays, look for a firewall on the loopback interface."
    ),
    "ERR_NGROK_3200": (
        "The sender found the tunnel offline: no agent served the domain at that time. Start "
        "qstash-dev with --tunnel again; QStash retries by itself."
    ),
    "offline": (
        "ngrok's service cannot be reached from this machine ({detail}). Check the network, a VPN "
        "or a proxy, then start again; everything local works without it."
    ),
    "not-installed": (
        "The ngrok agent was not found on PATH or in ngrok's own directory, and nothing is "
        "downloaded unasked. Allow it with --tunnel-install: it fetches {detail} (about 10 MB) "
        "from ngrok's download site. Or install it yourself from https://ngrok.com/download."
    ),
    "install-failed": (
        "The ngrok agent could not be fetched from ngrok's download site: {detail}. Try again with "
        "a network, or install it yourself from https://ngrok.com/download."
    ),
    "not-runnable": (
        "The ngrok agent could not be run: {detail}. Install it anew from "
        "https://ngrok.com/download, or name another with NGROK_PATH."
    ),
    "start-timeout": (
        "ngrok did not come up within {detail} seconds and was stopped. Its last lines are in the "
        "log; try again, or run `ngrok http 80` by hand to see whether it works at all."
    ),
    "agent-exited": "The ngrok agent ended by itself ({detail}). Its last lines are in the log.",
    "agent-refused": "The ngrok agent did not open the tunnel: {detail}.",
    "bad-public-url": (
        "The public URL {detail!r} is not usable: expected http:// or https:// and a host, without "
        "query, as in --public-url https://example.trycloudflare.com."
    ),
}
