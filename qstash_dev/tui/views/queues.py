"""The view of queues: how many messages wait in each, and how many are under way."""

from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.view import Resource, View
from qstash_dev.tui.model.walk import Place, quoted
from qstash_dev.tui.render.things import thing_page
from qstash_dev.tui.views import cells

QUEUES = View(
    **VIEWS["Queues"]._asdict(),
    resource=Resource("queues", "name", "queue"),
    key_of=cells.named("name"),
    fetch=lambda client: client.resources("queues"),
    count=lambda counts: counts.queues,
    is_outdated=cells.with_messages,
    title=lambda thing: str(thing.get("name")),
    page=thing_page,
    inside=lambda thing: Place("Messages", quoted("queue", str(thing.get("name")))),
    verbs={
        "server.pause": resources.pause_or_resume,
        "message.delete": resources.delete,
        "thing.create": creating.queue,
    },
    hints=lambda thing: ("server.pause", "message.delete", "thing.create"),
    columns=(
        Column("", 1, cells.blank),
        Column("STATE", 8, cells.is_on),
        Column("LAG", 6, cells.number("lag"), right=True, sort=cells.by("lag")),
        Column("ACTIVE", 6, cells.number("active", "primary"), right=True, sort=cells.by("active")),
        Column(
            "LIMIT",
            6,
            cells.number("parallelism", "muted", default=1),
            right=True,
            sort=cells.by("parallelism"),
        ),
        Column("QUEUE", 0, cells.field("name"), sort=cells.by("name")),
    ),
)
