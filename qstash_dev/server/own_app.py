"""Wires the app that this server starts: its environment, where its lines go, what it is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from qstash_dev.child.app import Around, ChildApp
from qstash_dev.config import Config
from qstash_dev.console import Console, Started
from qstash_dev.devtools.documents import Printed
from qstash_dev.engine.notifier import Notifier
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server.announcements import Told
from qstash_dev.transport.connect import accepts

COLOURS = {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}
"""Its output is a pipe, but somebody looks at it (Node.js, chalk, picocolors; BSD tools)."""
AT_ONCE = {"PYTHONUNBUFFERED": "1"}
"""Python would keep lines for a pipe back until there are many."""


class Ways(Protocol):
    """What an app needs of the server around it."""

    started: Started
    config: Config
    told: Told

    def variables(self) -> dict[str, str]:
        """What the app's environment must hold."""

    def listens(self, origin: str, before: str | None, is_taken: bool) -> None:
        """The app turned out to listen there; `before`, another address of it counted. `is_taken`:
        somebody listens where it is expected.
        """


def own_app(
    command: Sequence[str],
    server: Ways,
    console: Console | None,
    notifier: Notifier,
    times: tuple[Callable[[], int], Callable[[], int]],
    environ: Mapping[str, str],
) -> ChildApp:
    """The app as a child; `times` are that of lines, and one that never stands still."""
    now, wall = times

    def on_line(line: Printed) -> None:
        if console is not None:
            console.app_line(line)
        notifier.publish()

    return ChildApp(
        command,
        Around(
            environment=lambda: environment_of(
                server.started, server.variables(), environ, watched=console is not None
            ),
            accepts=accepts,
            now=now,
            steady=wall,
            on_line=on_line,
            on_change=notifier.publish,
            on_end=server.told.tell,
            on_address=server.listens,
            app_url=lambda: server.config.app_url,
            is_given=lambda: server.config.is_app_given,
        ),
    )


def environment_of(
    started: Started, variables: Mapping[str, str], environ: Mapping[str, str], *, watched: bool
) -> dict[str, str]:
    """The person's environment with the variables of this server, and what the dev mode of the
    JavaScript SDK reads where its own user is the one that is served (`QSTASH_DEV`).
    """
    own = {**variables, "QSTASH_DEV_PORT": str(started.port)}
    if started.user.token == DEV_USERS[0].token:
        own["QSTASH_DEV"] = "true"
    elif environ.get("QSTASH_DEV"):
        own["QSTASH_DEV"] = "false"  # it would take a token that is not ours
    colours = COLOURS if watched and not environ.get("NO_COLOR") else {}
    return {**AT_ONCE, **colours, **environ, **own}
