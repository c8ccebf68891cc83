"""The view of queues: how many messages wait in each, and how many are under way."""

from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.view import Resource
from qstash_dev.tui.views import cells
from qstash_dev.tui.views.thing_view import thing_view

QUEUES = thing_view(
    "Queues",
    Resource("queues", "name", "queue"),
    "queue",
    verbs={
        "server.pause": resources.pause_or_resume,
        "message.delete": resources.delete,
        "thing.create": creating.queue,
    },
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
