"""`schedules`, `queues`, `groups`, `flow`: list them, look, pause, resume, delete.

The four nouns differ in their key and columns alone, so one table makes their commands.
"""

from typing import Any
from urllib.parse import quote

import click
from msgspec import Struct

from qstash_dev.cli.exits import Failure
from qstash_dev.cli.tables import print_json, print_record, print_table, time_text
from qstash_dev.cli.talk import ask, json_option, talk, url_option, user_option

Record = dict[str, Any]


class Noun(Struct, frozen=True):
    """A kind of resource: its field for the name, its columns, and what can be done with it."""

    name: str
    singular: str
    key: str
    columns: tuple[str, ...]
    verbs: tuple[str, ...]


NOUNS = (
    Noun(
        "schedules",
        "schedule",
        "scheduleId",
        ("scheduleId", "cron", "destination", "nextScheduleTime", "isPaused"),
        ("run", "pause", "resume", "delete"),
    ),
    Noun(
        "queues",
        "queue",
        "name",
        ("name", "lag", "active", "parallelism", "paused"),
        ("pause", "resume", "delete"),
    ),
    Noun("groups", "URL group", "name", ("name", "endpoints"), ("delete",)),
    Noun(
        "flow",
        "flow-control key",
        "flowControlKey",
        ("flowControlKey", "waitListSize", "parallelismMax", "rateMax", "ratePeriod", "isPaused"),
        ("pause", "resume"),
    ),
)

HELP = {
    "run": "Fire now, besides its times.",
    "pause": "Deliver nothing until it is resumed.",
    "resume": "Go on.",
    "delete": "Forget it; messages on their way stay.",
}


def group_of(noun: Noun) -> click.Group:
    """The commands of one noun."""
    verbs = ", ".join(("list", "get", *noun.verbs))
    group = click.Group(noun.name, help=f"Each {noun.singular}: {verbs}.")
    group.add_command(list_command(noun))
    group.add_command(get_command(noun))
    for verb in noun.verbs:
        group.add_command(verb_command(noun, verb))
    return group


def list_command(noun: Noun) -> click.Command:
    """`list`: all of them in columns."""

    @click.command("list", help=f"Every {noun.singular}.")
    @json_option
    @url_option
    def show(as_json: bool, url: str | None) -> None:
        found = talk(url, lambda client: client.resources(noun.name))
        if as_json:
            print_json(found)
            return
        rows = [[column_text(record, name) for name in noun.columns] for record in found]
        heads = [heading(name) for name in noun.columns]
        print_table(heads, rows, f"There is no {noun.singular}.")

    return show


def get_command(noun: Noun) -> click.Command:
    """`get NAME`: everything about one."""

    @click.command("get", help=f"Everything about one {noun.singular}.")
    @click.argument("name")
    @json_option
    @user_option
    @url_option
    def show(name: str, as_json: bool, user: str | None, url: str | None) -> None:
        found = talk(url, lambda client: client.resources(noun.name))
        for record in found:
            if record.get(noun.key) == name and user in (None, record.get("user")):
                print_json(record) if as_json else print_record(readable(record))
                return
        raise Failure(f'There is no {noun.singular} "{name}".')

    return show


def verb_command(noun: Noun, verb: str) -> click.Command:
    """`pause NAME` and the like."""

    @click.command(verb, help=HELP[verb])
    @click.argument("name")
    @user_option
    @url_option
    def act(name: str, user: str | None, url: str | None) -> None:
        path = f"/_dev/{noun.name}/{quote(name, safe='')}"
        method, path = ("DELETE", path) if verb == "delete" else ("POST", f"{path}/{verb}")
        answer = ask(url, method, path, params={"user": user})
        started = answer.get("ids", []) if isinstance(answer, dict) else []
        for id in started:
            click.echo(id)
        if not started:
            click.echo(f"{noun.singular} {name}: {verb} done.", err=True)

    return act


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
    return {
        name: time_text(value)
        if name.endswith("Time") or name in ("createdAt", "updatedAt")
        else [time_text(at) for at in value]
        if name == "next_times"
        else value
        for name, value in record.items()
    }


def heading(name: str) -> str:
    """`nextScheduleTime` as `NEXT SCHEDULE TIME`."""
    return "".join(f" {c}" if c.isupper() else c for c in name).strip().upper()


schedules, queues, groups, flow = (group_of(noun) for noun in NOUNS)
