"""Writing a message: fields for its options, completion, laid-out JSON, one like another."""

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Label, TextArea

from qstash_dev.tui.model.composer import (
    HELP,
    complete_header,
    laid_out_json,
    put_together,
    taken_apart,
)
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, asked, go_to
from tests.tui.test_writing import form_of, problem_of
from tests.tui.world import World


@pytest.mark.parametrize(
    ("line", "inserted", "is_helpful"),
    [
        ("Upstash-De", "", False),
        ("upstash-del", "ay: ", True),
        ("Upstash-Callback-Ti", "meout: ", True),
        ("Upstash-Retr", "", False),
        ("Upstash-Retri", "es: ", True),
        ("Upstash-Forw", "ard-", True),
        ("Upstash-Delay: 1", "", True),
        ("X-Own", "", False),
        ("", "", False),
    ],
)
def test_names_of_headers_are_completed_with_a_line_of_help(
    line: str, inserted: str, is_helpful: bool
) -> None:
    found = complete_header(line, len(line))
    assert (found.inserted, bool(found.help)) == (inserted, is_helpful)


def test_every_header_has_a_line_of_help() -> None:
    assert [name for name, help in HELP.items() if not help] == []


@pytest.mark.parametrize(
    ("headers", "values", "rest"),
    [
        ("", {}, ""),
        ("X-A: 1", {}, "X-A: 1"),
        ("upstash-delay: 10s\nX-A: 1", {"Upstash-Delay": "10s"}, "X-A: 1"),
        ("Upstash-Cron: * * * * *", {"Upstash-Cron": "* * * * *"}, ""),
        ("Upstash-Delay: 1s\nUpstash-Delay: 2s", {"Upstash-Delay": "1s"}, "Upstash-Delay: 2s"),
    ],
)
def test_fields_are_header_lines(headers: str, values: dict[str, str], rest: str) -> None:
    assert taken_apart(headers) == (values, rest)
    assert taken_apart(put_together(values, rest)) == (values, rest)


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ('{"a":[1,2.50],"b":"x y"}', '{\n  "a": [\n    1,\n    2.50\n  ],\n  "b": "x y"\n}'),
        ("[]", "[]"),
        ("1e400", "1e400"),
        ("{", None),
        ('{"a": "\x1b"}', None),
    ],
)
def test_json_is_laid_out_and_every_literal_stays(text: str, laid_out: str | None) -> None:
    assert laid_out_json(text) == laid_out


async def test_fields_of_options_are_published_as_headers(tui: Open, world: World) -> None:
    async with tui((80, 24)) as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        for header, value in [("delay", "10s"), ("queue-name", "mail"), ("callback", "/done")]:
            form.query_one(f"#upstash-{header}", Input).value = value
        area = form.query_one("#headers", TextArea)
        area.focus()
        area.move_cursor((0, 40))
        await pilot.press("enter", *"upstash-lab")
        label = form.query_one("#headers-label", Label)
        await until(pilot, lambda: "Upstash-Label  To find it again." in str(label.render()))
        await pilot.press("tab", *"shop", "ctrl+s")
        ((_, path, _),) = await asked(pilot, world)
        assert path == "/v2/enqueue/mail/http://localhost:3000/api/"
        sent = {n: v for n, v in world.headers[-1].items() if n.lower().startswith("upstash-")}
        assert sent == {
            "Upstash-Method": "POST",
            "Upstash-Delay": "10s",
            "Upstash-Callback": "http://localhost:3000/done",
            "upstash-label": "shop",
        }


async def test_a_refused_option_is_shown_at_its_field(tui: Open, world: World) -> None:
    world.refuse["/v2/publish/http://localhost:3000/api/"] = (400, "invalid Upstash-Retries")
    async with tui() as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        form.query_one("#upstash-delay", Input).value = "1s"
        retries = form.query_one("#upstash-retries", Input)
        retries.value = "many"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "invalid Upstash-Retries" in problem_of(form))
        assert form.focused is retries


async def test_destinations_that_were_seen_are_completed(tui: Open) -> None:
    async with tui() as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        url = form.query_one("#url", Input)
        url.value = "/api/wel"
        await until(pilot, lambda: url._suggestion == "/api/welcome")
        await pilot.press("end", "right")
        assert url.value == "/api/welcome"


async def test_a_message_is_sent_like_another_with_its_options(tui: Open, world: World) -> None:
    spec = {"max_retries": 1, "labels": ["shop"], "timeout_ms": 15000, "queue": "mail"}
    world.details["msg_00000005"] = {"spec": spec}
    world.bodies["msg_00000005"] = b'{"order": 42}'
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("S")
        form = await form_of(pilot)
        assert field(form, "#upstash-queue-name") == "mail"
        assert field(form, "#upstash-retries") == "1"
        await pilot.press("ctrl+l", "ctrl+s")
        ((_, path, body),) = await asked(pilot, world)
        assert path == "/v2/enqueue/mail/http://localhost:3000/api/orders"
        assert body == {"order": 42}
        assert world.headers[-1]["Upstash-Timeout"] == "15s"
        assert world.headers[-1]["Upstash-Forward-X-Tenant"] == "acme"


def field(form: Any, id: str) -> str:
    value: str = form.query_one(id, Input).value
    return value


async def test_an_empty_list_has_nothing_to_send_again(tui: Open, world: World) -> None:
    world.rows.clear()
    async with tui() as pilot:
        await pilot.press("S")
        said: Pilot[Any] = pilot
        await until(
            said, lambda: any("select a message" in t for _, t, _ in app_of(pilot).desk.record)
        )
