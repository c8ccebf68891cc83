"""`schedules`, `queues`, `groups`, `flow`: list them, look, pause, resume, delete.

The four nouns differ in their key, columns and verbs alone, so one table makes their commands.
"""

from collections.abc import Sequence
from typing import Any

import click
from msgspec import Struct

from qstash_dev.cli.choice import the_one as the_name
from qstash_dev.cli.choice import the_one_meant
from qstash_dev.cli.command_group import CommandGroup
from qstash_dev.cli.connection import ask, with_client
from qstash_dev.cli.detail import print_parts
from qstash_dev.cli.exits import Failure
from qstash_dev.cli.shared_options import json_option, url_option
from qstash_dev.cli.tables import print_json, print_record, print_table, time_text
from qstash_dev.cli.values import TEXT
from qstash_dev.client.paths import path_of
from qstash_dev.devtools.control_documents import About, Fired
from qstash_dev.protocol.users import DEFAULT_USER

Record = dict[str, Any]


class Noun(Struct, frozen=True):
    """A kind of resource: its field for the name, its columns, and what can be done with it.

    `verbs` have their help. `refused` are the verbs of other nouns, and why this one has none.
    `made_by` are the verbs that make what there was not; `has_page` says whether there is a page of one
    in the terminal UI and the browser, which `get` prints.
    """

    name: str
    singular: str
    key: str
    columns: tuple[str, ...]
    verbs: dict[str, str]
    refused: dict[str, str]
    made_by: frozenset[str] = frozenset()
    has_page: bool = True


NOUNS = (
    Noun(
        "schedules",
        "schedule",
        "scheduleId",
        ("scheduleId", "cron", "destination", "nextScheduleTime", "isPaused"),
        {
            "run": "Fire now, besides its times.",
            "pause": "Skip its times until it is resumed.",
            "resume": "Fire again from the next time on.",
            "delete": "Forget it: it fires no more, its messages on their way stay.",
        },
        {},
    ),
    Noun(
        "queues",
        "queue",
        "name",
        ("name", "lag", "active", "parallelism", "paused"),
        {
            "pause": "Deliver nothing of it until it is resumed.",
            "resume": "Go on with the oldest message.",
            "delete": "Forget it: messages that wait in it are cancelled, those under way end.",
        },
        {"run": "its messages start by themselves, in their order, unless it is paused"},
    ),
    Noun(
        "groups",
        "URL group",
        "name",
        ("name", "endpoints"),
        {"delete": "Forget it; its messages on their way stay."},
        {
            "run": "it has no messages of its own: publish to it",
            "pause": "it has no messages of its own: pause the queue that they are in",
            "resume": "it has no messages of its own, and is never paused",
        },
    ),
    Noun(
        "deduplication",
        "deduplication id",
        "id",
        ("id", "original", "expiresTime"),
        {"delete": "Forget it: the next publish with it is delivered."},
        {
            "run": "it is no message: publish again after a delete",
            "pause": "it is no message: delete it",
            "resume": "it is no message, and is never paused",
        },
        has_page=False,
    ),
    Noun(
        "flow",
        "flow-control key",
        "flowControlKey",
        ("flowControlKey", "waitListSize", "parallelismMax", "rateMax", "ratePeriod", "isPaused"),
        {
            "pause": "Start no message with it until it is resumed; also before the first one.",
            "resume": "Go on.",
            "delete": "Forget its limits and pins; not while messages with it are pending.",
        },
        {"run": "its messages start by themselves, as its limits allow"},
        made_by=frozenset({"pause"}),
    ),
)


class Verbs(CommandGroup):
    """The commands of one noun. A verb that only other nouns have is refused with the reason."""

    def __init__(self, noun: Noun) -> None:
        verbs = ", ".join(("list", "get", *noun.verbs))
        super().__init__(noun.name, help=f"Each {noun.singular}: {verbs}.")
        self._noun = noun
        self.add_command(list_command(noun))
        self.add_command(get_command(noun))
        for verb in noun.verbs:
            self.add_command(verb_command(noun, verb))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (why := self._noun.refused.get(args[0])) is not None:
            verbs = ", ".join(("list", "get", *self._noun.verbs))
            ctx.fail(f"A {self._noun.singular} has no {args[0]}: {why}. It has: {verbs}.")
        return super().resolve_command(ctx, args)


owner_option = click.option(
    "--user",
    type=TEXT,
    metavar="ID",
    help=f"Whose [default: whoever has it; of several, {DEFAULT_USER}].",
)


def list_command(noun: Noun) -> click.Command:
    """`list`: all of them in columns, with their users unless all are the default user's."""

    @click.command("list", help=f"Every {noun.singular}.")
    @json_option
    @url_option
    def show(as_json: bool, url: str | None) -> None:
        found = with_client(url, lambda client: client.resources(noun.name))
        if as_json:
            print_json(found)
            return
        columns = noun.columns
        if any(record.get("user") != DEFAULT_USER for record in found):
            columns = (columns[0], "user", *columns[1:])
        rows = [[column_text(record, name) for name in columns] for record in found]
        print_table([heading(name) for name in columns], rows, f"There is no {noun.singular}.")

    return show


def get_command(noun: Noun) -> click.Command:
    """`get NAME`: everything about one."""

    @click.command("get", help=f"Everything about one {noun.singular}.")
    @click.argument("name", type=TEXT)
    @json_option
    @owner_option
    @url_option
    def show(name: str, as_json: bool, user: str | None, url: str | None) -> None:
        found = with_client(url, lambda client: client.resources(noun.name))
        name = the_name(name, names(found, noun, user), noun.singular)
        record = the_one(found, noun, name, user)
        if record is None:
            raise Failure(f"{nothing(noun, name, user)}.")
        if as_json:
            print_json(record)
            return
        if not noun.has_page:
            print_record(readable(record))
            return
        path = path_of("about", noun.name, name)
        _link, *parts = ask(url, "GET", path, About, params={"user": record["user"]}).parts
        print_parts(parts)

    return show


def verb_command(noun: Noun, verb: str) -> click.Command:
    """`pause NAME` and the like."""

    @click.command(verb, help=noun.verbs[verb])
    @click.argument("name", type=TEXT)
    @owner_option
    @url_option
    def act(name: str, user: str | None, url: str | None) -> None:
        found = with_client(url, lambda client: client.resources(noun.name))
        is_grave = verb == "delete" or verb in noun.made_by
        choose = the_one_meant if is_grave else the_name
        name = choose(name, names(found, noun, user), noun.singular)
        record = the_one(found, noun, name, user)
        if record is None and verb not in noun.made_by:
            raise Failure(f"{nothing(noun, name, user)}: nothing was done.")
        if verb == "delete" and user is None and record and record["user"] != DEFAULT_USER:
            raise Failure(
                f'The {noun.singular} "{name}" is of {record["user"]}: nothing was done. '
                f"To delete it, add --user {record['user']}."
            )
        method, rest = ("DELETE", ()) if verb == "delete" else ("POST", (verb,))
        path = path_of(noun.name, name, *rest)
        owner = user if record is None else record["user"]
        started = []
        if verb == "run":
            started = ask(url, method, path, Fired, params={"user": owner}).ids
        else:
            with_client(url, lambda client: client.request(method, path, params={"user": owner}))
        for id in started:
            click.echo(id)
        if not started:
            whose = "" if owner in (None, DEFAULT_USER) else f" of {owner}"
            new = " It is new: no message had it yet." if record is None else ""
            click.echo(f"{noun.singular} {name}{whose}: {verb} done.{new}", err=True)

    return act


def names(found: Sequence[Record], noun: Noun, user: str | None) -> list[str]:
    """What these are called; those of one user, if there is one."""
    return [record[noun.key] for record in found if user in (None, record["user"])]


def the_one(found: Sequence[Record], noun: Noun, name: str, user: str | None) -> Record | None:
    """The resource that a person means: that of `user`, else the only one, else the default user's.

    Raises `Failure` when several have the name and none is the default user's.
    """
    named = [r for r in found if r[noun.key] == name and user in (None, r["user"])]
    if len(named) < 2:
        return named[0] if named else None
    for record in named:
        if record["user"] == DEFAULT_USER:
            return record
    users = ", ".join(record["user"] for record in named)
    raise Failure(
        f'Several users have a {noun.singular} "{name}": expected --user, one of {users}.'
    )


def nothing(noun: Noun, name: str, user: str | None) -> str:
    """That there is no such thing, without the stop."""
    whose = "" if user is None else f' of the user "{user}"'
    return f'There is no {noun.singular} "{name}"{whose}'


def column_text(record: Record, name: str) -> object:
    """One cell of the list."""
    value = record.get(name)
    if name.endswith("Time"):
        return time_text(value)
    if name == "endpoints":
        return " ".join(endpoint["url"] for endpoint in value or [])
    return ("yes" if value else "no") if isinstance(value, bool) else value


def readable(record: Record) -> Record:
    """The record with times as people read them."""
    times = {name: time_text(at) for name, at in record.items() if name.endswith("Time")}
    return {**record, **times}


def heading(name: str) -> str:
    """`nextScheduleTime` as `NEXT SCHEDULE TIME`."""
    return "".join(f" {c}" if c.isupper() else c for c in name).strip().upper()


schedules, queues, groups, deduplication, flow = (Verbs(noun) for noun in NOUNS)
