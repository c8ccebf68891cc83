"""Edit and replay, send, fixtures, editor, diff: on a played server."""

import json
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from qstash_dev.tui.widgets.forms import MessageForm
from qstash_dev.tui.widgets.prompts import Reader
from tests.tui.conftest import Open, make_app, until
from tests.tui.test_keys import app_of, asked, go_to
from tests.tui.world import World


async def form_of(pilot: Pilot[Any]) -> MessageForm:
    await until(pilot, lambda: isinstance(pilot.app.screen, MessageForm))
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, MessageForm)
    return screen


def problem_of(form: MessageForm) -> str:
    """Whatever the form says is wrong, at a field or below."""
    wrong = form.query("#problem, Label.-wrong")
    return "".join(str(widget.render()) for widget in wrong)


async def test_edit_replays_with_only_what_was_changed(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("e")
        form = await form_of(pilot)
        form.query_one("#body", TextArea).text = '{"order": 43}'
        await pilot.press("ctrl+s")
        path = "/_dev/messages/msg_00000005/replay"
        assert await asked(pilot, world) == [("POST", path, {"body": '{"order": 43}'})]


async def test_a_notice_stands_above_what_the_form_says_is_wrong(world: World) -> None:
    async with world.open() as url:
        app = make_app(url)
        async with app.client, app.run_test(size=(80, 24), notifications=True) as pilot:
            await pilot.press("s")
            form = await form_of(pilot)
            form.query_one("#body", TextArea).text = "{"
            app.notify("Something else happened meanwhile.", timeout=600)

            def is_above() -> bool:
                ends = [t.region.bottom for t in form.query("Toast").results() if t.region.height]
                return bool(ends) and max(ends) <= form.query_one("#problem").region.y

            await until(pilot, is_above)


async def test_edit_changes_destination_method_and_headers(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("e")
        form = await form_of(pilot)
        form.query_one("#url", Input).value = "http://localhost:3000/v2"
        form.query_one("#method", Input).value = "put"
        form.query_one("#headers", TextArea).text = "X-Tenant: other\nX-Tenant: more"
        await pilot.press("ctrl+s")
        changed = {"url": "http://localhost:3000/v2", "method": "PUT"}
        expected = {**changed, "headers": "X-Tenant: other\nX-Tenant: more"}
        assert (await asked(pilot, world))[0][2] == expected


async def test_the_form_says_that_redacted_values_stay_and_does_not_judge_them(
    tui: Open, world: World
) -> None:
    hashed = "REDACTED:" + "0" * 64
    world.bodies["msg_00000005"] = hashed.encode()
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("e")
        form = await form_of(pilot)
        assert problem_of(form).startswith("What is REDACTED:… is delivered as it was")
        area = form.query_one("#headers", TextArea)
        area.text = area.text.replace("acme", "other")
        await pilot.press("ctrl+s")
        ((_, _, order),) = await asked(pilot, world)
        assert "X-Tenant: other" in order["headers"].split("\n")
        assert "body" not in order


async def test_a_message_with_redacted_fields_is_not_saved_as_a_fixture(
    tui: Open, world: World, tmp_path: Path
) -> None:
    world.details["msg_00000005"] = {"spec": {"redact": ["body"]}}
    async with tui(fixtures=tmp_path) as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        await pilot.press("w")
        await until(pilot, lambda: any("cannot be saved" in n.message for n in app._notifications))
        assert list(tmp_path.iterdir()) == []


async def test_escape_sends_nothing(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("e")
        await form_of(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert world.asked == []


async def test_broken_json_is_located_while_typing_but_may_be_sent(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("e")
        form = await form_of(pilot)
        form.query_one("#body", TextArea).text = '{"order": }'
        await until(pilot, lambda: "line 1, column 11" in problem_of(form))
        await pilot.press("ctrl+s")
        assert (await asked(pilot, world))[0][2] == {"body": '{"order": }'}


async def test_a_form_that_cannot_be_read_stays_and_says_why(tui: Open, world: World) -> None:
    cases = [
        ("#url", "", "destination is missing"),
        ("#method", "FETCH", 'not "FETCH"'),
        ("#headers", "no colon", 'not "no colon"'),
    ]
    for field, value, why in cases:
        async with tui() as pilot:
            await pilot.press("e")
            form = await form_of(pilot)
            widget = form.query_one(field)
            if isinstance(widget, Input):
                widget.value = value
            elif isinstance(widget, TextArea):
                widget.text = value
            await pilot.press("ctrl+s")
            await until(pilot, lambda form=form, why=why: why in problem_of(form))  # type: ignore[misc]
            assert world.asked == []


async def test_what_the_server_refuses_stays_in_the_form_at_its_field(
    tui: Open, world: World
) -> None:
    path = "/v2/publish/http://localhost:3000/api/hello"
    world.refuse[path] = (400, "invalid value for Upstash-Delay")
    async with tui() as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        form.query_one("#url", Input).value = "/api/hello"
        headers = form.query_one("#headers", TextArea)
        headers.text = "X-A: 1\nUpstash-Delay: soon"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "invalid value for Upstash-Delay" in problem_of(form))
        assert form.focused is headers
        assert headers.cursor_location == (1, 0)
        await pilot.press("delete")
        await until(pilot, lambda: problem_of(form) == "")
        assert headers.text == "X-A: 1\npstash-Delay: soon"
        world.refuse.clear()
        await pilot.press("ctrl+s")
        assert len(await asked(pilot, world)) == 1
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)


async def test_a_form_that_was_left_is_offered_again(tui: Open, world: World) -> None:
    async with tui() as pilot:
        for key in ("s", "e"):
            await pilot.press(key)
            form = await form_of(pilot)
            form.query_one("#body", TextArea).text = '{"mine": 1}'
            await pilot.press("escape", key)
            again = await form_of(pilot)
            assert again.query_one("#body", TextArea).text == '{"mine": 1}'
            await pilot.press("ctrl+s")
            await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
            await pilot.press(key)
            new = await form_of(pilot)
            assert "mine" not in new.query_one("#body", TextArea).text
            await pilot.press("escape")
        assert [body for _, _, body in world.asked] == [{"mine": 1}, {"body": '{"mine": 1}'}]


async def test_a_draft_survives_quitting_and_is_for_its_writer_alone(
    tui: Open, tmp_path: Path
) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    async with tui(environment=environment) as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        form.query_one("#body", TextArea).text = '{"mine": "größer"}'
        await pilot.press("left", "ctrl+c")
    (file,) = (tmp_path / "qstash-dev").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    async with tui(environment=environment) as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        assert form.query_one("#body", TextArea).text == '{"mine": "größer"}'


async def test_a_draft_that_was_kept_can_be_given_up(tui: Open) -> None:
    async with tui() as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        before = form.query_one("#body", TextArea).text
        form.query_one("#body", TextArea).text = '{"mine": 1}'
        await pilot.press("escape", "s", "ctrl+n")
        form = await form_of(pilot)
        await until(pilot, lambda: form.query_one("#body", TextArea).text == before)
        await pilot.press("escape", "s")
        assert (await form_of(pilot)).query_one("#body", TextArea).text == before


async def test_a_binary_body_is_kept_unless_the_editor_changes_it(tui: Open, world: World) -> None:
    world.bodies["msg_00000005"] = b"\x00\x1b[31m\xff"

    def edit(command: list[str]) -> None:
        assert command[0] == "my-editor"
        assert Path(command[-1]).read_bytes() == b"\x00\x1b[31m\xff"
        Path(command[-1]).write_bytes(b"\x00new")

    async with tui(environment={"EDITOR": "my-editor"}, run_program=edit) as pilot:
        await go_to(pilot, 4)
        await pilot.press("e")
        form = await form_of(pilot)
        area = form.query_one("#body", TextArea)
        assert area.read_only
        assert "\x1b" not in area.text
        await pilot.press("ctrl+s")
        assert (await asked(pilot, world))[0][2] == {}
        await pilot.press("e")
        await form_of(pilot)
        await pilot.press("ctrl+o", "ctrl+s")
        assert (await asked(pilot, world, 2))[1][2] == {"body": "\x00new"}


async def test_send_publishes_as_an_sdk_would(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("s")
        form = await form_of(pilot)
        form.query_one("#url", Input).value = "/api/hello"
        form.query_one("#headers", TextArea).text = "X-A: 1\nUpstash-Delay: 10s"
        await pilot.press("ctrl+s")
        method, path, body = (await asked(pilot, world))[0]
        assert (method, path) == ("POST", "/v2/publish/http://localhost:3000/api/hello")
        assert body == "{}"
        sent = world.headers[-1]
        assert sent["Upstash-Forward-X-A"] == "1"
        assert sent["Upstash-Delay"] == "10s"
        assert sent["Authorization"].startswith("Bearer eyJ")


async def test_a_fixture_leaves_secrets_out_and_can_be_sent(
    tui: Open, world: World, tmp_path: Path
) -> None:
    async with tui(fixtures=tmp_path) as pilot:
        await go_to(pilot, 4)
        await pilot.press("w")
        saved = tmp_path / "api-orders.json"
        await until(pilot, saved.exists)
        document = json.loads(saved.read_text())
        assert document["headers"] == {"Content-Type": "application/json", "X-Tenant": "acme"}
        assert document["body"] == '{"order": 42}'
        assert document["options"] == {"retries": "3"}
        await pilot.press("s")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await pilot.press("1")
        await form_of(pilot)
        await pilot.press("ctrl+s")
        assert (await asked(pilot, world))[0][2] == {"order": 42}


async def test_o_opens_the_body_of_the_page_whole(tui: Open, world: World) -> None:
    opened: list[tuple[str, bytes]] = []

    def read(command: list[str]) -> None:
        opened.append((command[0], Path(command[-1]).read_bytes()))
        assert command[-1].endswith(".json")

    async with tui(environment={"PAGER": "my-pager -R"}, run_program=read) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: bool(opened))
        assert opened == [("my-pager", b'{"order": 42}')]


async def test_a_missing_editor_is_said(tui: Open) -> None:
    async with tui(environment={"EDITOR": "/nowhere/editor"}) as pilot:
        app = app_of(pilot)
        await pilot.press("o")
        await until(pilot, lambda: any("cannot be run" in n.message for n in app._notifications))


async def test_diff_compares_two_marked_messages_by_value(tui: Open) -> None:
    async with tui() as pilot:
        await pilot.press("g", "space", "j", "j", "j", "space", "equals_sign")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reader))
        text = str(pilot.app.screen.query("Static").first().render())
        assert "- ok: true" in text
        assert '+ error: "signature mismatch"' in text


async def test_diff_of_attempts_and_of_nothing(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        await pilot.press("equals_sign")
        await until(pilot, lambda: isinstance(app.screen, Reader))
        assert "the same" in str(app.screen.query("Static").first().render())
        await pilot.press("escape")
        await go_to(pilot, 0)
        await pilot.press("equals_sign")
        await until(pilot, lambda: any("Mark two" in n.message for n in app._notifications))


EVIL = "user\u202egnp.exe \x1b[2J ⟨U+0041⟩ \u2028 \x85 \r\n\t⚠️ ⟨"


async def test_what_would_play_on_the_screen_is_edited_as_escapes(tui: Open, world: World) -> None:
    world.bodies["msg_00000005"] = EVIL.encode()
    world.details["msg_00000005"] = {
        "request": {
            "method": "POST",
            "body": {"text": "", "size": 0},
            "url": "http://localhost:3000/\u202ex",
            "headers": [["X-Evil", "a\u202eb\x85c"], ["X-Tenant", "acme"]],
        }
    }
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("e")
        form = await form_of(pilot)
        url, headers, body = (form.query_one(f"#{name}") for name in ("url", "headers", "body"))
        assert isinstance(url, Input)
        assert isinstance(headers, TextArea)
        assert isinstance(body, TextArea)
        assert url.value == "http://localhost:3000/⟨U+202E⟩x"
        assert headers.text.startswith("X-Evil: a⟨U+202E⟩b⟨U+0085⟩c\n")
        assert body.text.startswith("user⟨U+202E⟩gnp.exe ⟨U+001B⟩[2J ⟨U+27E8⟩U+0041⟩ ⟨U+2028⟩ ")
        url.value += "/y"
        headers.text = headers.text.replace("acme", "other")
        body.text = "!" + body.text
        await pilot.press("ctrl+s")
        ((_, _, order),) = await asked(pilot, world)
        assert order["url"] == "http://localhost:3000/\u202ex/y"
        assert order["headers"] == "X-Evil: a\u202eb\x85c\nX-Tenant: other"
        assert order["body"] == "!" + EVIL


async def test_what_is_shown_as_escapes_and_left_alone_is_sent_as_it_was(
    tui: Open, world: World
) -> None:
    world.bodies["msg_00000005"] = EVIL.encode()
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("e")
        await form_of(pilot)
        await pilot.press("ctrl+s")
        assert [order for _, _, order in await asked(pilot, world)] == [{}]
