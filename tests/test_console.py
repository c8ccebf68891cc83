import io
import json
import re

import pytest
from msgspec.structs import replace

from qstash_dev.console import Console, Started, port_in_use, wants_colour
from qstash_dev.devtools.documents import Event
from qstash_dev.protocol.model import State
from qstash_dev.protocol.users import DEV_USERS

STARTED = Started("http://127.0.0.1:8080", 8080, 42, DEV_USERS[0], app_url="http://localhost:3000")

LINE = Event(
    seq=7,
    time=1_700_000_000_000,
    id="msg_1",
    user="defaultUser",
    state=State.ERROR,
    method="POST",
    url="http://localhost:3000/api/orders",
    attempt=1,
    status=500,
    duration_ms=31.4,
    next_at=1_700_000_012_000,
    error="500 Internal Server Error",
)


def written(act, style="log", **options):
    lines = []
    act(Console(lines.append, style, **options))
    return "".join(lines)


@pytest.mark.parametrize("style", ["log", "json", "quiet"])
def test_the_first_line_is_the_one_that_the_javascript_sdk_waits_for(style):
    first = written(lambda c: c.started(STARTED, 1), style).splitlines()[0]
    assert re.search(r"runn+ing( at|\.)", first, re.IGNORECASE)


def test_the_start_block_can_be_copied_into_an_env_file():
    from qstash_dev.config.env_file import variables

    assert variables(written(lambda c: c.started(STARTED, 1))) == {
        "QSTASH_URL": "http://127.0.0.1:8080",
        "QSTASH_TOKEN": DEV_USERS[0].token,
        "QSTASH_CURRENT_SIGNING_KEY": DEV_USERS[0].current_key,
        "QSTASH_NEXT_SIGNING_KEY": DEV_USERS[0].next_key,
    }


def test_adopted_secrets_are_not_printed():
    secret = replace(DEV_USERS[0], token="cloud-token", current_key="sig_cloud")
    text = written(lambda c: c.started(replace(STARTED, user=secret, adopted=".env.local"), 1))
    assert "QSTASH_URL=http://127.0.0.1:8080\n" in text
    assert ".env.local" in text
    assert "cloud" not in text


@pytest.mark.parametrize(
    ("app_url", "publish"),
    [
        ("http://localhost:4000", "/v2/publish/http://localhost:4000/api/hello"),
        (None, "  qstash-dev send /api/hello -d"),
    ],
)
def test_the_block_names_no_port_of_an_app_that_is_still_to_start(app_url, publish):
    text = written(lambda c: c.started(replace(STARTED, app_url=app_url), 5), "log")
    assert publish in text.partition("Try it:\n")[2]


def test_the_ready_record_tells_where_and_who():
    record = json.loads(written(lambda c: c.started(STARTED, 5), "json"))
    assert record["type"] == "ready"
    assert (record["url"], record["port"], record["pid"]) == ("http://127.0.0.1:8080", 8080, 42)
    assert (record["ts"], record["seq"]) == (5, 0)


def test_an_event_is_one_line_with_its_outcome():
    text = written(lambda c: c.event(LINE))
    assert text.count("\n") == 1
    assert text[8:].split() == [
        "!",
        "error",
        "500",
        "try",
        "1",
        "31ms",
        "POST",
        "http://localhost:3000/api/orders",
        "msg_1",
        "500",
        "Internal",
        "Server",
        "Error",
        "next",
        "in",
        "12s",
    ]


def test_what_failed_for_good_is_followed_by_its_place_on_the_page():
    lines: list[str] = []
    console = Console(lines.append)
    console.started(STARTED, 1)
    assert "in the browser: http://127.0.0.1:8080/_dev/\n" in lines[0]
    console.event(LINE)
    console.event(replace(LINE, state="FAILED", next_at=None))
    assert "/_dev/" not in lines[1]
    assert lines[2].endswith("http://127.0.0.1:8080/_dev/#/messages/msg_1\n")


def test_an_event_is_one_record_of_ndjson():
    text = written(lambda c: c.event(LINE), "json")
    record = json.loads(text)
    assert text.count("\n") == 1
    assert (record["type"], record["ts"], record["seq"]) == ("event", LINE.time, 7)
    assert (record["state"], record["status"], record["id"]) == ("ERROR", 500, "msg_1")


def test_foreign_text_cannot_break_the_line_or_drive_the_terminal():
    hostile = replace(LINE, url="http://h/\x1b]0;x\x07", error="a\nb\x1b[2J")
    text = written(lambda c: c.event(hostile))
    assert text.count("\n") == 1
    assert "\x1b" not in text


@pytest.mark.parametrize("state", [State.ACTIVE, State.RETRY, State.CANCEL_REQUESTED])
def test_details_are_shown_only_when_asked_for(state):
    line = replace(LINE, state=state)
    assert written(lambda c: c.event(line)) == ""
    assert written(lambda c: c.event(line), verbosity=1) != ""


def test_quiet_shows_no_events():
    assert written(lambda c: c.event(LINE), "quiet") == ""
    assert written(lambda c: c.event(LINE), verbosity=-1) == ""
    assert written(lambda c: c.notice("hello", 1), "quiet") == ""


def test_a_silenced_console_writes_nothing_until_the_screen_is_free_again():
    lines = []
    console = Console(lines.append)
    with console.silence():
        assert console.wants_events, "whether there was one at all"
        console.event(LINE)
        assert not console.wants_events
    assert lines == []
    assert console.wants_events
    console.event(LINE)
    assert len(lines) == 1


def test_a_notice_is_a_line_or_a_record():
    assert written(lambda c: c.notice("tunnel online", 1)).endswith("· tunnel online\n")
    record = json.loads(written(lambda c: c.notice("tunnel online", 1), "json"))
    assert (record["type"], record["text"]) == ("notice", "tunnel online")


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_symbol_and_a_word(state):
    text = written(lambda c: c.event(replace(LINE, state=state)), verbosity=1, colour=True)
    assert re.search(r"\x1b\[[0-9;]+m\S [a-z ]+\x1b\[0m", text)


def test_a_taken_port_is_told_in_the_words_of_the_javascript_sdk():
    text = port_in_use("127.0.0.1", 8080, "It is held by another qstash-dev (pid 1).")
    assert re.search("address already in use", text, re.IGNORECASE)
    assert re.findall(r":(\d+)\s*$", text) == ["8080"]
    assert "pid 1" in text


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "colours"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(stream, environment, colours):
    assert wants_colour(stream, environment) is colours


def test_people_are_told_the_address_that_they_reach():
    shown: list[str] = []
    started = replace(STARTED, advertised="https://me-8080.preview.test")
    for style in ("log", "json"):
        Console(shown.append, style).started(started, 0)
    assert started.url not in "".join(shown)
    assert json.loads(shown[1])["url"] == "https://me-8080.preview.test"
    assert "QSTASH_URL=https://me-8080.preview.test\n" in shown[0]
