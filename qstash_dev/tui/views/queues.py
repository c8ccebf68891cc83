"""The view of queues: how many messages wait in each, and how many are under way."""

from qstash_dev.tui.actions import creating, resources
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
        cells.BLANK,
        cells.IS_ON,
        cells.number("LAG", 6, cells.by("lag")),
        cells.number("ACTIVE", 6, cells.by("active"), role="primary"),
        cells.number("LIMIT", 6, lambda thing: thing.get("parallelism", 1), role="muted"),
        cells.text("QUEUE", 0, cells.by("name")),
    ),
)
