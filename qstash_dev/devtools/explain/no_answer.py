"""Causes of an attempt without an answer: nothing listens, wrong protocol, too slow, cut off."""

from qstash_dev.devtools.explain.evidence import Cause, Evidence
from qstash_dev.devtools.text import as_sentence
from qstash_dev.protocol.model import Reason
from qstash_dev.protocol.urls import Place, same_listener

_NO_TLS = "WRONG_VERSION_NUMBER"  # OpenSSL's word for a first answer that is none of TLS
_SPOKEN = (Reason.TLS, Reason.RESET, Reason.BAD_RESPONSE, Reason.TIMEOUT)
"""What can come of speaking http to https, or https to http: what is spoken decides."""

_BY_ADDRESS = (*_SPOKEN, Reason.REFUSED, Reason.DNS, Reason.UNREACHABLE, Reason.EXTERNAL_DENIED)


def _ended(e: Evidence) -> str | None:
    """Our child has ended: whatever the connection looked like, that is the cause."""
    if e.facts.ended is None or not e.is_local or e.listens_there:
        return None
    return f"{as_sentence(e.facts.ended)}. R starts it again."


def _other_address(e: Evidence) -> str | None:
    here = e.facts.listening
    if not here or not e.is_local:
        return None
    place = f"{e.target.scheme}://localhost:{e.port}"
    how = f"publish to {place}"
    if e.is_routed:
        how = f"let the --route lead to {place}"
    return (
        f"The app listens on {' and '.join(here)} only, not where {e.place} leads: {how}, which "
        f"tries both addresses, or start the app on {e.target.hostname} (--host)."
    )


def _other_port(e: Evidence) -> str | None:
    app = e.facts.listens_at or e.facts.app_url
    if not app or not e.is_local or same_listener(e.went_to, app):
        return None
    return (
        f"Nothing listens on {e.place}, but the app is expected at {app}: publish to that address, "
        f"or deliver there with {e.route_to(app)}."
    )


def _docker_name(e: Evidence) -> str | None:
    if e.host != "host.docker.internal" and "." in e.host:
        return None
    return (
        f"'{e.host}' is a name inside a Docker network and means nothing on this machine: "
        f"use {e.route_to(f'http://localhost:{e.target.port or 80}')}."
    )


def _offline(e: Evidence) -> str | None:
    """No answer to the question for a name is not the answer that there is none."""
    if e.facts.online is not False and "Temporary failure" not in e.failure.detail:
        return None
    why = "this machine has no network" if e.facts.online is False else "no name server answered"
    return (
        f"The name {e.target.hostname} could not be looked up, since {why} (Wi-Fi, VPN?): publish to "
        f"your local app, or use {e.route_to('http://localhost:3000')}."
    )


_TUNNELS = (
    ".ngrok.app",
    ".ngrok.io",
    ".ngrok-free.app",
    ".ngrok-free.dev",
    ".trycloudflare.com",
    ".loca.lt",
    ".localhost.run",
    ".lhr.life",
    ".serveo.net",
    ".devtunnels.ms",
    ".pinggy.link",
)


def _unknown_host(e: Evidence) -> str:
    return f"The name {e.target.hostname or e.place} is not known: a typing mistake, or no network."


_OTHERS = (
    ("-ERR", "Redis"),
    ("SSH-", "SSH"),
    ("mysql_native", "MySQL"),
    (r"FATAL\x00", "PostgreSQL"),
    ("PRI * HTTP/2", "HTTP/2"),
    (r"\x00\x00\x12\x04", "HTTP/2 only (gRPC?)"),
    (r"\x00\x00\x06\x04", "HTTP/2 only (gRPC?)"),
    ("220 ", "SMTP or FTP"),
)


def _other_protocol(e: Evidence) -> str | None:
    found = next((name for begins, name in _OTHERS if begins in e.failure.detail[:120]), None)
    return f"{e.place} speaks {found}, not HTTP/1.1: is the port right?" if found else None


def _interrupted(e: Evidence) -> str:
    if "stopped" not in e.failure.detail:
        return f"A fault of qstash-dev ended this attempt, see its log: {e.failure.detail}"
    return (
        "qstash-dev stopped during this attempt: the handler may have run. It is delivered again."
    )


NO_ANSWER = (
    # Whatever is wrong with that address: the steps were not meant for it.
    Cause(
        "workflow-elsewhere",
        "No answer from {e.place}: {e.facts.elsewhere}.",
        _BY_ADDRESS,
        holds=lambda e: e.facts.elsewhere,
    ),
    Cause("app-ended", _ended, (Reason.REFUSED, Reason.RESET, Reason.BAD_RESPONSE)),
    Cause(
        "app-just-up",
        "Nothing listened on {e.place} yet, but now the app does: run this again.",
        (Reason.REFUSED,),
        holds=lambda e: e.is_local and e.listens_there,
    ),
    Cause(
        "refused-in-container",
        "{e.place} is the container that qstash-dev runs in, and nothing listens there: "
        "publish to the app by the name of its service, such as http://app:{e.port}, or to "
        "http://host.docker.internal:{e.port} if it runs outside.",
        (Reason.REFUSED,),
        holds=lambda e: e.facts.nearby.is_private and e.reach is Place.LOOPBACK,
    ),
    Cause("refused-other-address", _other_address, (Reason.REFUSED,)),
    Cause("refused-other-port", _other_port, (Reason.REFUSED,)),
    Cause(
        "app-not-running",
        "Nothing listens on {e.place}: your app is not running. Start it, then run this again.",
        (Reason.REFUSED,),
        holds=lambda e: e.is_local,
    ),
    Cause(
        "refused",
        "{e.place} refuses connections: no server runs on that port, or a firewall is between.",
        (Reason.REFUSED,),
    ),
    Cause(
        "container-not-running",
        "No container of this network is called '{e.host}' now: start the app, in the same "
        "network.",
        (Reason.DNS,),
        holds=lambda e: e.reach is Place.NEAR,
    ),
    Cause("docker-host-name", _docker_name, (Reason.DNS,)),
    Cause("no-network", _offline, (Reason.DNS,)),
    Cause(
        "tunnel-gone",
        "The tunnel {e.host} is gone: such names change with every start. Publish to your "
        "local address, no tunnel is needed here.",
        (Reason.DNS,),
        holds=lambda e: e.host.endswith(_TUNNELS),
    ),
    Cause("unknown-host", _unknown_host, (Reason.DNS,)),
    Cause(
        "https-to-http-port",
        "{e.place} speaks plain HTTP, but the URL says https: publish to http://{e.place}.",
        _SPOKEN,
        holds=lambda e: (
            e.target.scheme == "https"
            and (
                e.facts.speech == "http" or (e.facts.speech is None and _NO_TLS in e.failure.detail)
            )
        ),
    ),
    Cause(
        "http-to-https-port",
        "{e.place} speaks https, but the URL says http: publish to https://{e.place}.",
        _SPOKEN,
        holds=lambda e: e.target.scheme == "http" and e.facts.speech == "https",
    ),
    Cause(
        "certificate-not-trusted",
        "The certificate of {e.place} is not trusted (self-signed?): publish to the http:// "
        "address of the app, or --route there; QStash itself would refuse it too.",
        (Reason.TLS,),
        holds=lambda e: "certificate" in e.failure.detail.lower(),
    ),
    Cause(
        "tls-failed",
        "No TLS connection with {e.place}: is that an https port? ({e.failure.detail})",
        (Reason.TLS,),
    ),
    Cause(
        "no-connection",
        "No connection with {e.place}: the host is down or a firewall drops packets.",
        (Reason.TIMEOUT,),
        holds=lambda e: e.failure.timing.connected_ms is None and not e.is_local,
    ),
    Cause(
        "app-takes-no-connection",
        "{e.place} takes no connection: what listens there stands still (a breakpoint, Ctrl+Z) "
        "or is far too busy. The handler has not run.",
        (Reason.TIMEOUT,),
        holds=lambda e: e.failure.timing.connected_ms is None,
    ),
    Cause(
        "cold-compile",
        "No answer{e.within}. The first request to a route waits until the dev server has "
        "compiled it: open the route once, or raise Upstash-Timeout; the retry is usually "
        "fast.",
        (Reason.TIMEOUT,),
        holds=lambda e: (
            e.facts.attempt == 1
            and e.facts.accepted_at is None  # else it is compiled
            and e.is_local
            and (e.facts.timeout_ms or 0) <= 30000
        ),
    ),
    Cause(
        "handler-too-slow",
        "The handler did not answer{e.within}: it hangs (a promise never settles, a "
        "breakpoint?) or needs a longer Upstash-Timeout. It may still have done its work.",
        (Reason.TIMEOUT,),
    ),
    Cause(
        "http2-only",
        "{e.place} speaks HTTP/2 only (gRPC, h2c), and deliveries are HTTP/1.1: is the port "
        "right? Else let the server speak both.",
        (Reason.RESET, Reason.BAD_RESPONSE),
        holds=lambda e: e.facts.speech == "http2",
    ),
    Cause(
        "answer-broken-off",
        "The answer broke off in its middle: the handler failed while it wrote (a stream?), "
        "or its Content-Length is larger than its body. It has done its work up to there.",
        (Reason.RESET,),
        holds=lambda e: "in the middle of the" in e.failure.detail,
    ),
    Cause(
        "closes-on-http",
        "{e.place} ends every connection at the first words of HTTP, also when the server "
        "itself is asked: another program (a database?) has that port, or the app fails on "
        "every request.",
        (Reason.RESET,),
        holds=lambda e: e.facts.speech == "other",
    ),
    Cause(
        "nothing-behind-port",
        "{e.place} takes connections and closes them before a word was said: nothing is "
        "behind it. A port that Docker publishes does that while the app in the container "
        "is not up, or listens on 127.0.0.1 there: start it with --host 0.0.0.0.",
        (Reason.RESET,),
        holds=lambda e: e.facts.speech == "nothing",
    ),
    Cause(
        "app-crashed",
        "The app ended while it handled the message: nothing listens on {e.place} any more. "
        "See its terminal; the handler may have run in part.",
        (Reason.RESET,),
        holds=lambda e: (
            e.is_local
            and not e.listens_there
            and e.facts.speech is None
            and e.facts.listening is not None
        ),
    ),
    Cause(
        "app-restarted",
        "The connection closed before an answer came: the app crashed or restarted (hot "
        "reload) while it handled the message. See its terminal; the handler may have run "
        "in part.",
        (Reason.RESET,),
        holds=lambda e: e.is_local,
    ),
    Cause(
        "connection-closed",
        "{e.place} closed the connection before it answered: it crashed, or a proxy gave up.",
        (Reason.RESET,),
    ),
    Cause("other-protocol", _other_protocol, (Reason.BAD_RESPONSE,)),
    Cause(
        "not-http",
        "What {e.place} answered is not valid HTTP: {e.failure.detail}. Does another "
        "program have that port?",
        (Reason.BAD_RESPONSE,),
    ),
    Cause(
        "external-denied",
        lambda e: (
            f"{e.place} is neither local nor routed, and external destinations are denied: allow "
            f"them with --external allow, or use {e.route_to('http://localhost:3000')}."
        ),
        (Reason.EXTERNAL_DENIED,),
    ),
    Cause(
        "own-server",
        "{e.place} is qstash-dev itself: a route leads there, or the app's port was given "
        "to it. Publish to the app, or change the --route.",
        (Reason.OWN_SERVER,),
    ),
    Cause(
        "unreachable",
        "There is no way to {e.place} from this machine: is the network or the VPN up?",
        (Reason.UNREACHABLE,),
    ),
    Cause(
        "no-descriptors",
        "qstash-dev had too many open files, so nothing was sent; it tries again by itself "
        "and counts no attempt. A higher limit helps: ulimit -n 4096, then start it again.",
        (Reason.NO_DESCRIPTORS,),
    ),
    Cause("interrupted", _interrupted, (Reason.INTERRUPTED,)),
)
