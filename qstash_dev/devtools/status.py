"""The state of the server in a few words: its app, its clock, and what is not as it is at QStash.

Pure; how much of it there is room for, others see.
"""

from qstash_dev.devtools.documents import App, Counts, Piece, Server, Status, StatusPart
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import origin_of, same_port

UP = {True: ("● up", "success"), False: ("○ down", "error"), None: ("◌ unknown", "muted")}
TUNNEL = {"online": "success", "failed": "error", "off": "", "stopped": ""}


def route_option(url: str, to: str) -> str:
    """The option that leads what is for the origin of a URL to that of another; paths stay."""
    return f"--route {origin_of(url)}={origin_of(to)}"


def elsewhere(origin: str, app_url: str, is_taken: bool) -> tuple[str, str] | None:
    """What is told of an app that listens at another port than it is looked for, and what to do.
    `is_taken`: somebody listens at that one; else a second app of the same command may be about to.
    """
    if same_port(origin, app_url):
        return None
    path = app_url[len(origin_of(app_url)) :].rstrip("/")
    start = f"start qstash-dev with --app {origin}{path} {route_option(app_url, origin)}."
    if is_taken:
        return (
            f"Your app listens at {origin}, but --app is {app_url}.",
            f"Another program has that port: end it and start your app again; or {start}",
        )
    return (
        f"Your app listens at {origin}, and nothing yet at --app {app_url}.",
        f"Unless what belongs there is still starting, {start}",
    )


def status_of(server: Server, counts: Counts) -> Status:
    """All that there is to say, in order of appearance."""
    parts = [
        StatusPart(5, [Piece(server.url)]),
        StatusPart(3, _app(server)),
        StatusPart(1 if _is_unreal(server) else 7, _clock(server)),
        StatusPart(2 if server.tunnel.state not in ("off", "stopped") else 8, _tunnel(server)),
        _count("held", counts.held, "warning", 2 if counts.held else 6),
        _count("failed", counts.failed, "error", 4),
        StatusPart(
            4, [Piece("dlq ", "muted"), Piece(str(counts.dlq), "error" if counts.dlq else "")]
        ),
    ]
    if server.faults:
        parts.append(_told(1, "faults ", str(server.faults), "warning"))
    if server.auto_replay != "off":
        parts.append(_told(2, "auto-replay ", "on", "accent"))
    if server.warning:
        parts.insert(0, StatusPart(0, [Piece(" ! data files changed ", "notice")]))
    if server.paused:
        parts.insert(0, StatusPart(0, [Piece(" ‖ PAUSED ", "notice")]))
    is_alarming = _is_unreal(server) or server.faults > 0 or counts.held > 0 or server.paused
    return Status(parts, is_alarming, awaited_by(server.app))


def how_it_ended(app: App) -> tuple[str, str] | None:
    """How the app's process is, where that is worth a word, with its role."""
    process = app.process
    if process is None or process.state == "running":
        return None
    return f"✗ {process.why or process.state}", "error"


def awaited_by(app: App) -> Piece:
    """What the first message waits for."""
    process = app.process
    if process is None or process.state != "exited":
        return Piece("◌ waiting for the first publish …", "warning")
    return Piece(f"✗ Your app {process.why}. R starts it again, 9 shows what it printed.", "error")


def why_quiet(app: App) -> str:
    """What to look at when no message came, for who reads a log."""
    process = app.process
    if process is None:
        return "No message yet. Does the app have the variables above? qstash-dev doctor looks."
    if process.state == "exited":
        return f"No message yet: your app {process.why}. R on the page starts it again."
    return "No message yet. Your app was started with the variables above; qstash-dev doctor looks."


def _told(rank: int, name: str, text: str, role: str) -> StatusPart:
    return StatusPart(rank, [Piece(name, "muted"), Piece(text, role)])


def _count(state: str, count: int, role: str, rank: int) -> StatusPart:
    shown = Piece(str(count), role if count else "", to="state", name=state)
    return StatusPart(rank, [Piece(f"{state} ", "muted"), shown])


def _is_unreal(server: Server) -> bool:
    return server.clock.mode != "real" or server.clock.offset_ms != 0


def _app(server: Server) -> list[Piece]:
    url = server.app.url.partition("://")[2] or server.app.url
    name = url.removeprefix("localhost").removeprefix("127.0.0.1").rstrip("/")
    return [Piece(f"app {name} ", "muted"), Piece(*how_it_ended(server.app) or UP[server.app.up])]


def _clock(server: Server) -> list[Piece]:
    clock = server.clock
    words = {"scaled": f"{clock.scale:g}x", "frozen": "frozen"}.get(clock.mode, "real")
    if clock.offset_ms:
        sign = "+" if clock.offset_ms > 0 else "-"
        words += f" {sign}{format_duration(abs(clock.offset_ms))}"
    return [Piece("clock ", "muted"), Piece(words, "" if words == "real" else "warning")]


def _tunnel(server: Server) -> list[Piece]:
    state, url = server.tunnel.state, server.tunnel.url
    words = url.partition("://")[2] if state == "online" and url else state
    pieces = [Piece("tunnel ", "muted"), Piece(words, TUNNEL.get(state, "warning"))]
    if server.tunnel.refused:
        refused = str(server.tunnel.refused)
        pieces += [Piece(" refused ", "muted"), Piece(refused, "warning")]
    return pieces
