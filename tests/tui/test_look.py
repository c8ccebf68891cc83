"""How values are written, by tables."""

from datetime import UTC
from itertools import product
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.color import Color

from qstash_dev.devtools.documents import Clock, Counts, Row, Server
from qstash_dev.devtools.states import STATES
from qstash_dev.devtools.status import status_of
from qstash_dev.tui.model.hints import hints_for
from qstash_dev.tui.model.server_time import ServerTime
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import CONTRAST, ROLES, contrast, prefers_light
from qstash_dev.tui.views import VIEWS
from qstash_dev.tui.widgets.bars import status_line
from tests.tui.conftest import Open
from tests.tui.test_keys import app_of
from tests.tui.world import NOW, row

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (12 * SECOND, "12s"),
        (99 * SECOND, "99s"),
        (100 * SECOND, "1m"),
        (4 * MINUTE, "4m"),
        (100 * MINUTE, "1h"),
        (47 * HOUR, "47h"),
        (48 * HOUR, "2d"),
        (10 * DAY, "10d"),
        (-5 * SECOND, "0s"),
    ],
)
def test_spans_are_short(ms: int, text: str) -> None:
    assert fmt.span(ms) == text


@pytest.mark.parametrize(
    ("due_in", "text"), [(None, "–"), (0, "now"), (-5000, "now"), (12_000, "in 12s")]
)
def test_countdowns(due_in: int | None, text: str) -> None:
    assert fmt.countdown(None if due_in is None else NOW + due_in, NOW) == text


def test_times_are_of_the_zone_that_was_given() -> None:
    assert fmt.clock_time(NOW, UTC) == "12:03:11"
    assert fmt.exact_time(NOW + 42, UTC) == "2026-03-01 12:03:11.042"


@pytest.mark.parametrize(
    ("url", "app", "text"),
    [
        ("http://localhost:3000/api/x?y=1", "http://localhost:3000", "/api/x?y=1"),
        ("http://127.0.0.1:3000/api/x", "http://localhost:3000", "/api/x"),
        ("http://[::1]:3000/api/x", "http://localhost:3000/", "/api/x"),
        ("http://localhost:3000", "http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:30001/x", "http://localhost:3000", "http://localhost:30001/x"),
        ("https://example.com/x", "http://localhost:3000", "https://example.com/x"),
        ("https://app.test/x", "https://app.test", "/x"),
        ("https://app.test/x", "", "https://app.test/x"),
        ("http://localhost/x", "http://localhost:80", "/x"),
        ("HTTP://LocalHost:3000/x", "http://localhost:3000", "/x"),
        ("http://localhost:3000/base/x", "http://localhost:3000/base", "/x"),
        (
            "http://localhost:3000/other",
            "http://localhost:3000/base",
            "http://localhost:3000/other",
        ),
        ("http://u:p@localhost:3000/x", "http://localhost:3000", "http://u:p@localhost:3000/x"),
    ],
)
def test_destinations_of_the_app_itself_are_short(url: str, app: str, text: str) -> None:
    assert fmt.destination(url, app) == text


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://localhost:3601/api/a", ":3601/api/a"),
        ("http://localhost:3601", ":3601"),
        ("http://localhost/api/a", "http://localhost/api/a"),
        ("https://localhost:3601/a", "https://localhost:3601/a"),
        ("https://localhost:3601/api/a", "localh…:3601/api/a"),
        ("http://127.0.0.1:3601/api/a", "127.0.…:3601/api/a"),
        ("http://[2001:db8::1]/api/abcdefg", "[2001:db8::…/api/abcdefg"),
        ("http://localhost.example.com:3601/a", "localh…:3601/a"),
        ("https://a-long-name.example.com/api/a", "a-long-name…/api/a"),
        ("/api/a", "/api/a"),
    ],
)
def test_of_another_address_the_host_is_short_and_of_another_app_here_the_port_stays(
    url: str, text: str
) -> None:
    assert fmt.short_host(url) == text


def a_row(**more: object) -> Row:
    return msgspec.convert(row(1, **more), Row)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "tried", "text"),
    [("delivered", 1, "1"), ("delivered", 3, "3"), ("retry", 1, "1/4"), ("delayed", 0, "–")],
)
def test_tries(state: str, tried: int, text: str) -> None:
    assert fmt.tries(a_row(state=state, **{"try": tried})) == text


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_symbol_a_word_and_at_most_seven_hints(state: str) -> None:
    shown = fmt.state_look(state)
    assert shown.symbol
    assert shown.word
    for view, marks, in_detail, ended in product(VIEWS, (0, 1, 2), (True, False), (True, False)):
        for selected in (a_row(state=state), None):
            hints = hints_for(view, None, selected, marks, in_detail, ended)
            assert 0 < len(hints) <= 7
            assert len(set(hints)) == len(hints)
            assert hints[-1] == "palette"
            assert view.is_live or "message.mark" not in hints


@pytest.mark.parametrize("name", ["Schedules", "Queues", "Groups", "Flow"])
def test_where_there_is_nothing_the_footer_says_how_to_make_one(name: str) -> None:
    [view] = [view for view in VIEWS if view.name == name]
    assert hints_for(view, None, None, 0, False) == ["thing.create", "help", "palette"]


def test_an_unknown_state_is_shown_as_it_is() -> None:
    assert fmt.state_look("par\x1bked").word == "par␛ked"


@pytest.mark.parametrize(
    ("server", "counts", "alarming"),
    [
        (Server(), Counts(failed=3), False),
        (Server(clock=Clock(mode="frozen")), Counts(), True),
        (Server(clock=Clock(offset_ms=1)), Counts(), True),
        (Server(faults=1), Counts(), True),
        (Server(paused=True), Counts(), True),
        (Server(), Counts(held=1), True),
    ],
)
def test_the_status_line_alarms_when_the_server_is_not_as_the_cloud(
    server: Server, counts: Counts, alarming: bool
) -> None:
    assert status_of(server, counts).is_alarming is alarming


@pytest.mark.parametrize("width", [40, 120])
def test_the_status_line_says_that_others_touched_the_data(width: int) -> None:
    server = Server(url="http://127.0.0.1:8080", warning="The database x was written to by ...")
    line = "".join(text for text, _ in status_line(server, Counts(), None, width))
    assert "data files changed" in line


@pytest.mark.parametrize("mode", ["real", "frozen", "scaled"])
def test_a_clock_that_is_not_the_walls_is_said_where_little_fits(mode: str) -> None:
    server = Server(url="http://127.0.0.1:8080", clock=Clock(mode=mode, offset_ms=7_200_000))
    line = "".join(text for text, _ in status_line(server, Counts(), None, 40))
    assert "+2h" in line


@pytest.mark.parametrize("width", range(20, 200, 9))
def test_the_status_line_fits_and_never_loses_what_matters_most(width: int) -> None:
    server = Server(url="http://127.0.0.1:8080", paused=True)
    line = "".join(text for text, _ in status_line(server, Counts(), None, width))
    assert len(line) <= max(width, 24)
    assert "PAUSED" in line or width < 24


@pytest.mark.parametrize(
    ("mode", "scale", "expected"),
    [("real", 1.0, 2000), ("frozen", 1.0, 0), ("scaled", 60, 120_000)],
)
def test_server_time_goes_on_as_its_clock_does(mode: str, scale: float, expected: int) -> None:
    now = [100.0]
    time = ServerTime(lambda: now[0])
    time.hear(NOW, Clock(mode=mode, scale=scale))
    now[0] += 2.0
    assert time.now() - NOW == expected


@pytest.mark.parametrize(
    ("value", "light"), [("15;0", False), ("0;15", True), ("0;default;7", True), ("", False)]
)
def test_light_terminals_are_known_by_colorfgbg(value: str, light: bool) -> None:
    assert prefers_light({"COLORFGBG": value}) is light


@given(st.text())
def test_editing_gives_every_character_back(text: str) -> None:
    shown = fmt.escaped(text, kept="")
    assert fmt.safe(shown) == shown
    assert fmt.unescaped(shown) == text


@pytest.mark.parametrize("theme", ["qstash-dark", "qstash-light", "nord", "solarized-light"])
async def test_text_is_legible_in_the_selected_row_and_where_the_mouse_selected(
    tui: Open, theme: str
) -> None:
    async with tui(theme=theme) as pilot:
        app = app_of(pilot)
        grounds = {app.list_pane.rows.get_component_rich_style("virtual-list--cursor")}
        app.detail_pane.text.focus()
        await pilot.pause()
        grounds.add(app.list_pane.rows.get_component_rich_style("virtual-list--cursor"))
        strips = [
            app.palette.strip([("x", role)], app.list_pane.rows.rich_style + ground, legible=True)
            for role, style in ROLES.items()
            if "reverse" not in style
            for ground in grounds
        ]
        styles = [segment.style for strip in strips for segment in strip]
        styles.append(app.screen.get_component_rich_style("screen--selection"))
        assert min(map(contrast_of, styles)) >= CONTRAST


def contrast_of(style: Style | None) -> float:
    assert style is not None
    assert style.color is not None
    assert style.bgcolor is not None
    front, ground = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    return contrast(front, ground)


async def test_a_theme_that_was_chosen_is_worn_again_unless_the_settings_have_another(
    tui: Open, tmp_path: Path
) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    for theme, worn in ((None, "qstash-dark"), (None, "nord"), ("light", "qstash-light")):
        async with tui(environment=environment, theme=theme) as pilot:
            assert app_of(pilot).theme == worn
            app_of(pilot).theme = "nord"
            await pilot.pause()
