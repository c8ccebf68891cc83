"""What the views of things have in common: schedules, queues, groups and keys of the control API."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from qstash_dev.devtools.pages.thing_page import Thing, thing_parts
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.view import Resource, Verb, View
from qstash_dev.tui.model.walk import Place, quoted
from qstash_dev.tui.render.pages import drawn


def thing_view(
    name: str,
    resource: Resource,
    filter_key: str,
    verbs: Mapping[str, Verb],
    columns: Sequence[Column[Thing]],
    changes_with_messages: bool = True,
) -> View:
    """Its messages are those that `filter_key` finds; its commands are all in the footer.

    `changes_with_messages`: when they move, so may how many wait, and how the last run ended.
    """

    def title(thing: Thing) -> str:
        return str(thing.get(resource.key))

    return View(
        **VIEWS[name]._asdict(),
        resource=resource,
        key_of=lambda thing: f"{thing.get('user', '')}/{thing.get(resource.key, '')}",
        fetch=lambda client: client.resources(resource.noun),
        count=attrgetter(resource.noun),
        is_outdated=lambda tick, before: (
            changes_with_messages and bool(tick.events or tick.rows or tick.removed)
        ),
        title=title,
        page=lambda thing, when: drawn(thing_parts(thing, when.now), when),
        inside=lambda thing: Place("Messages", quoted(filter_key, title(thing))),
        verbs=verbs,
        hints=lambda thing: tuple(verbs),
        columns=columns,
    )
