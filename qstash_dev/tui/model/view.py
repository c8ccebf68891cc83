"""What a view is: a noun with its columns, key, verbs, and how it is fetched. One value for each.

The values are in `tui/views/`; whoever shows, fetches or acts reads them from there.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Counts, Row, Server, Tick
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.walk import Link, Place
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.pages import When

Verb = Callable[[Any], Awaitable[None] | None]
"""What a command does in this view; it gets the `Screen`."""


class Resource(NamedTuple):
    """Where a thing is in the control API (`/_dev/NOUN/KEY`) and the word for one of them."""

    noun: str
    key: str
    word: str


async def _nothing(client: Client, most: int) -> Sequence[Any]:
    return ()


@dataclass(frozen=True, eq=False)
class View:
    """`fetch` asks for items, the newest `most`; `is_outdated` tells from a tick, and the counts before
    it, whether they must be asked for again; `news` are items that a tick brings itself, for the end
    of the list.

    `whole` asks for more of an item than the list has, which `page` then gets; `links` are where it
    leads, `inside` the place of its messages, where Enter goes instead of to the detail.
    `row_of` and `message_of` are the message that an item is about, `page` is the detail of an item
    that is about none. `verbs` are what commands do here that do something else elsewhere, by their
    ids; `hints` the commands in the footer, if they do not depend on a message, and `words` what those
    are called there that are called otherwise elsewhere.
    """

    name: str
    key: str
    help: str
    empty: str
    columns: Sequence[Column[Any]]
    key_of: Callable[[Any], str] = str
    fetch: Callable[[Client, int], Awaitable[Sequence[Any]]] = _nothing
    count: Callable[[Counts], int] | None = None
    is_outdated: Callable[[Tick, Counts], bool] = lambda tick, before: False
    news: Callable[[Tick], Sequence[Any]] | None = None
    resource: Resource | None = None
    row_of: Callable[[Any], Row | None] = lambda item: None
    message_of: Callable[[Any], str | None] = lambda item: None
    title: Callable[[Any], str] = lambda item: ""
    page: Callable[[Any, When], Sequence[Piece]] | None = None
    whole: Callable[[Client, Any], Awaitable[Any]] | None = None
    links: Callable[[Any], Sequence[Link]] = lambda item: ()
    inside: Callable[[Any], Place] | None = None
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    hints: Callable[[Any], Sequence[str]] | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    is_there: Callable[[Server], bool] = lambda server: True
    absent: str = ""
    """What is said instead while it is not."""
    newest_last: bool = False
    most: int = sys.maxsize
    """So many of the newest it fetches; of some things all."""
    is_live: bool = False
    """Whether its rows are the messages of the stream, which need no fetching."""

    @property
    def follows(self) -> bool:
        """Whether the newest is at the end, and can be followed."""
        return self.is_live or self.newest_last

    @property
    def has_messages(self) -> bool:
        """Whether an item is a message, or is about one."""
        return self.page is None

    @property
    def command(self) -> str:
        """The id of the command that shows it."""
        return f"view.{self.name.lower()}"
