"""Causes of an attempt without an answer: nothing listens, wrong protocol, too slow, cut off."""

from qstash_dev.devtools.explain.evidence import Cause, Evidence
from qstash_dev.protocol.model import Reason
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import Place

_SPOKEN = (Reason.TLS, Reason.RESET, Reason.BAD_RESPONSE, Reason.TIMEOUT)
"""What can come of speaking http to https, or https to http: what is spoken decides."""

_BY_ADDRESS = (*_SPOKEN, Reason.REFUSED, Reason.DNS, Reason.UNREACHABLE, Reason.EXTERNAL_DENIED)


def _elsewhere(e: Evidence) -> str | None:
    """Whatever is wrong with that address: the steps were not meant for it."""
    notice = e.facts.elsewhere
    return f"No answer from {e.place}: {notice}." if notice else None


def _ended(e: Evidence) -> str | None:
    """Our child has ended: whatever the connection looked like, that is the cause."""
    if e.facts.ended is None or not e.is_local or e.listens_there:
        return None
    return f"{e.facts.ended[:1].upper()}{e.facts.ended[1:]}. R starts it again."


def _just_up(e: Evidence) -> str | None:
    if not e.is_local or not e.listens_there:
        return None
    return f"Nothing listened on {e.place} yet, but now the app does: run this again."


def _own_container(e: Evidence) -> str | None:
    if not e.facts.nearby.is_private or e.reach is not Place.LOOPBACK:
        return None
    port = e.target.port or e.default_port
    return (
        f"{e.place} is the container that qstash-dev runs in, and nothing listens there: publish to "
        f"the app by the name of its service, such as http://app:{port}, or to "
        f"http://host.docker.internal:{port} if it runs outside."
    )


def _container_down(e: Evidence) -> str | None:
    if e.reach is not Place.NEAR:
        return None
    return (
        f"No container of this network is called '{e.target.hostname}' now: start the app, in the "
        "same network."
    )


def _other_address(e: Evidence) -> str | None:
    here = e.facts.listening
    if not here or not e.is_local:
        return None
    place = f"{e.target.scheme}://localhost:{e.target.port or e.default_port}"
    how = f"publish to {place}"
    if e.is_routed:
        how = f"let the --route lead to {place}"
    return (
        f"The app listens on {' and '.join(here)} only, not where {e.place} leads: {how}, which "
        f"tries both addresses, or start the app on {e.target.hostname} (--host)."
    )


def _other_port(e: Evidence) -> str | None:
    app = e.facts.app_url
    if not app or not e.is_local or f"//{e.place}".endswith(app.rstrip("/").split("//")[-1]):
        return None
    return (
        f"Nothing listens on {e.place}, but the app is expected at {app}: publish to that address, "
        f"or deliver there with --route {e.target.scheme}://{e.place}={app}."
    )


def _app_down(e: Evidence) -> str | None:
    if not e.is_local:
        return None
    return f"Nothing listens on {e.place}: your app is not running. Start it, then run this again."


def _refused_elsewhere(e: Evidence) -> str:
    return f"{e.place} refuses connections: no server runs on that port, or a firewall is between."


def _docker_name(e: Evidence) -> str | None:
    host = e.target.hostname or ""
    if host != "host.docker.internal" and "." in host:
        return None
    return (
        f"'{host}' is a name inside a Docker network and means nothing on this machine: "
        f"use --route {e.target.scheme}://{e.place}=http://localhost:{e.target.port or 80}."
    )


def _offline(e: Evidence) -> str | None:
    """No answer to the question for a name is not the answer that there is none."""
    if e.facts.online is not False and "Temporary failure" not in e.failure.detail:
        return None
    why = "this machine has no network" if e.facts.online is False else "no name server answered"
    return (
        f"The name {e.target.hostname} could not be looked up, since {why} (Wi-Fi, VPN?): publish to "
        f"your local app, or use --route {e.target.scheme}://{e.place}=http://localhost:3000."
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


def _dead_tunnel(e: Evidence) -> str | None:
    host = e.target.hostname or ""
    if not host.endswith(_TUNNELS):
        return None
    return (
        f"The tunnel {host} is gone: such names change with every start. Publish to your local "
        "address, no tunnel is needed here."
    )


def _unknown_host(e: Evidence) -> str:
    return f"The name {e.target.hostname or e.place} is not known: a typing mistake, or no network."


def _https_to_http(e: Evidence) -> str | None:
    if e.target.scheme != "https" or e.facts.speech != "http":
        return None
    return f"{e.place} speaks plain HTTP, but the URL says https: publish to http://{e.place}."


def _own_certificate(e: Evidence) -> str | None:
    if "certificate" not in e.failure.detail.lower():
        return None
    return (
        f"The certificate of {e.place} is not trusted (self-signed?): publish to the http:// "
        "address of the app, or --route there; QStash itself would refuse it too."
    )


def _tls(e: Evidence) -> str:
    return f"No TLS connection with {e.place}: is that an https port? ({e.failure.detail})"


def _after(e: Evidence) -> str:
    timeout = e.facts.timeout_ms
    return f" within {format_duration(timeout)}" if timeout else ""


def _not_connected(e: Evidence) -> str | None:
    if e.failure.timing.connected_ms is not None or e.is_local:
        return None
    return f"No connection with {e.place}{_after(e)}: the host is down or a firewall drops packets."


def _cold_compile(e: Evidence) -> str | None:
    if e.facts.attempt != 1 or not e.is_local or (e.facts.timeout_ms or 0) > 30_000:
        return None
    return (
        f"No answer{_after(e)}. The first request to a route waits until the dev server has "
        "compiled it: open the route once, or raise Upstash-Timeout; the retry is usually fast."
    )


def _slow_handler(e: Evidence) -> str:
    return (
        f"The handler did not answer{_after(e)}: it hangs (a promise never settles, a breakpoint?) "
        "or needs a longer Upstash-Timeout. It may still have done its work."
    )


def _http_to_https(e: Evidence) -> str | None:
    if e.target.scheme != "http" or e.facts.speech != "https":
        return None
    return f"{e.place} speaks https, but the URL says http: publish to https://{e.place}."


def _nothing_behind(e: Evidence) -> str | None:
    if e.facts.speech != "nothing":
        return None
    return (
        f"{e.place} takes connections and closes them before a word was said: nothing is behind "
        "it. A port that Docker publishes does that while the app in the container is not up, or "
        "listens on 127.0.0.1 there: start it with --host 0.0.0.0."
    )


def _broken_off(e: Evidence) -> str | None:
    if "in the middle of the" not in e.failure.detail:
        return None
    return (
        "The answer broke off in its middle: the handler failed while it wrote (a stream?), or its "
        "Content-Length is larger than its body. It has done its work up to there."
    )


def _http2(e: Evidence) -> str | None:
    if e.facts.speech != "http2":
        return None
    return (
        f"{e.place} speaks HTTP/2 only (gRPC, h2c), and deliveries are HTTP/1.1: is the port right? "
        "Else let the server speak both."
    )


def _closes_on_http(e: Evidence) -> str | None:
    if e.facts.speech != "other":
        return None
    return (
        f"{e.place} ends every connection at the first words of HTTP, also when the server itself is "
        "asked: another program (a database?) has that port, or the app fails on every request."
    )


def _crashed(e: Evidence) -> str | None:
    if not e.is_local or e.listens_there or e.facts.speech is not None:
        return None
    if e.facts.listening is None:
        return None
    return (
        f"The app ended while it handled the message: nothing listens on {e.place} any more. See "
        "its terminal; the handler may have run in part."
    )


def _restarted(e: Evidence) -> str | None:
    if not e.is_local:
        return None
    return (
        "The connection closed before an answer came: the app crashed or restarted (hot reload) "
        "while it handled the message. See its terminal; the handler may have run in part."
    )


def _cut(e: Evidence) -> str:
    return f"{e.place} closed the connection before it answered: it crashed, or a proxy gave up."


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


def _no_http(e: Evidence) -> str:
    return (
        f"What {e.place} answered is not valid HTTP: {e.failure.detail}. Does another program have "
        "that port?"
    )


def _denied(e: Evidence) -> str:
    return (
        f"{e.place} is neither local nor routed, and external destinations are denied: allow them "
        f"with --external allow, or use --route {e.target.scheme}://{e.place}=http://localhost:3000."
    )


def _own_server(e: Evidence) -> str:
    return (
        f"{e.place} is qstash-dev itself: a route leads there, or the app's port was given to it. "
        "Publish to the app, or change the --route."
    )


def _unreachable(e: Evidence) -> str:
    return f"There is no way to {e.place} from this machine: is the network or the VPN up?"


def _no_descriptors(e: Evidence) -> str:
    return (
        "qstash-dev had too many open files, so nothing was sent; it tries again by itself and "
        "counts no attempt. A higher limit helps: ulimit -n 4096, then start it again."
    )


def _interrupted(e: Evidence) -> str:
    if "stopped" not in e.failure.detail:
        return f"A fault of qstash-dev ended this attempt, see its log: {e.failure.detail}"
    return (
        "qstash-dev stopped during this attempt: the handler may have run. It is delivered again."
    )


NO_ANSWER = (
    Cause("workflow-elsewhere", _elsewhere, _BY_ADDRESS),
    Cause("app-ended", _ended, (Reason.REFUSED, Reason.RESET, Reason.BAD_RESPONSE)),
    Cause("app-just-up", _just_up, (Reason.REFUSED,)),
    Cause("refused-in-container", _own_container, (Reason.REFUSED,)),
    Cause("refused-other-address", _other_address, (Reason.REFUSED,)),
    Cause("refused-other-port", _other_port, (Reason.REFUSED,)),
    Cause("app-not-running", _app_down, (Reason.REFUSED,)),
    Cause("refused", _refused_elsewhere, (Reason.REFUSED,)),
    Cause("container-not-running", _container_down, (Reason.DNS,)),
    Cause("docker-host-name", _docker_name, (Reason.DNS,)),
    Cause("no-network", _offline, (Reason.DNS,)),
    Cause("tunnel-gone", _dead_tunnel, (Reason.DNS,)),
    Cause("unknown-host", _unknown_host, (Reason.DNS,)),
    Cause("https-to-http-port", _https_to_http, _SPOKEN),
    Cause("http-to-https-port", _http_to_https, _SPOKEN),
    Cause("certificate-not-trusted", _own_certificate, (Reason.TLS,)),
    Cause("tls-failed", _tls, (Reason.TLS,)),
    Cause("no-connection", _not_connected, (Reason.TIMEOUT,)),
    Cause("cold-compile", _cold_compile, (Reason.TIMEOUT,)),
    Cause("handler-too-slow", _slow_handler, (Reason.TIMEOUT,)),
    Cause("http2-only", _http2, (Reason.RESET, Reason.BAD_RESPONSE)),
    Cause("answer-broken-off", _broken_off, (Reason.RESET,)),
    Cause("closes-on-http", _closes_on_http, (Reason.RESET,)),
    Cause("nothing-behind-port", _nothing_behind, (Reason.RESET,)),
    Cause("app-crashed", _crashed, (Reason.RESET,)),
    Cause("app-restarted", _restarted, (Reason.RESET,)),
    Cause("connection-closed", _cut, (Reason.RESET,)),
    Cause("other-protocol", _other_protocol, (Reason.BAD_RESPONSE,)),
    Cause("not-http", _no_http, (Reason.BAD_RESPONSE,)),
    Cause("external-denied", _denied, (Reason.EXTERNAL_DENIED,)),
    Cause("own-server", _own_server, (Reason.OWN_SERVER,)),
    Cause("unreachable", _unreachable, (Reason.UNREACHABLE,)),
    Cause("no-descriptors", _no_descriptors, (Reason.NO_DESCRIPTORS,)),
    Cause("interrupted", _interrupted, (Reason.INTERRUPTED,)),
)
