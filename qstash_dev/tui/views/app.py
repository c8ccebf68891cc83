"""The view of what the app prints, where the server started it."""

from collections.abc import Sequence

from qstash_dev.client import Client
from qstash_dev.devtools.control_documents import AppOutput
from qstash_dev.devtools.documents import Printed
from qstash_dev.devtools.vocabulary import APP as APP_WORDS
from qstash_dev.tui.actions import server
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render.pages import output_line
from qstash_dev.tui.views import cells


async def _fetch(client: Client, most: int) -> Sequence[Printed]:
    return (await client.ask("GET", "/_dev/app", AppOutput, params={"limit": most})).lines


APP = View(
    **APP_WORDS._asdict(),
    is_there=lambda server: server.app.process is not None,
    key_of=lambda line: str(line.number),
    fetch=_fetch,
    newest_last=True,
    most=5_000,
    news=lambda tick: tick.printed,
    title=lambda line: f"line {line.number}",
    page=lambda line, when: [output_line(line.text)],
    verbs={"run.restart": server.restart_app},
    hints=lambda line: ("run.restart", "filter", "follow"),
    columns=(
        cells.BLANK,
        cells.time(lambda line: line.time, 60),
        Column("OUTPUT", 0, lambda line, ink: output_line(line.text)),
    ),
)
