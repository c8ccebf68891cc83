"""The empty screen begins with the easiest way to the first message."""

from typing import Any

import pytest

from qstash_dev.devtools.documents import App, Process, Server
from qstash_dev.tui.widgets.bars import quick_start_lines
from tests.tui.world import ENV

SWITCH = "QSTASH_DEV=true npm run dev"


CURL = "curl -X POST http://127.0.0.1:8080/v2/publish/http://localhost:4000/api/hello \\"
SEND = 'qstash-dev send /api/hello -d \'{"hello": "world"}\''


def shown(**more: Any) -> list[str]:
    """The lines of the empty screen."""
    server = Server(**{"url": ENV["QSTASH_URL"], "port": 8080, "env": ENV, **more})
    return ["".join(text for text, _ in line) for line in quick_start_lines(server)]


@pytest.mark.parametrize(
    ("more", "third_line"),
    [
        ({"port": 8080}, SWITCH),
        ({"port": 9000}, "QSTASH_DEV=true QSTASH_DEV_PORT=9000 npm run dev"),
        (
            {"app": App("http://localhost:3000", True, Process("npm run dev"))},
            "QSTASH_URL=http://127.0.0.1:8080",
        ),
        ({"env": {**ENV, "QSTASH_TOKEN": "adopted"}}, "QSTASH_URL=http://127.0.0.1:8080"),
    ],
)
def test_it_names_the_easiest_way_first(more: dict[str, Any], third_line: str) -> None:
    assert shown(**more)[3] == third_line


@pytest.mark.parametrize(
    ("app", "publish"),
    [
        (App("http://localhost:4000"), CURL),
        # It takes the port that it likes, which is told once it has.
        (App("http://localhost:3000", process=Process("npm run dev")), SEND),
    ],
)
def test_the_first_publish_names_no_port_that_is_not_known(app: App, publish: str) -> None:
    assert publish in shown(app=app)


def test_an_app_that_has_ended_is_what_the_first_message_waits_for() -> None:
    ended = Process("npm run dev", "exited", why="exited with code 1")
    line = "✗ Your app exited with code 1. R starts it again, 9 shows what it printed."
    assert shown(app=App(process=ended))[0] == line
    assert shown(app=App(process=Process("npm run dev")))[0].startswith("◌ waiting for the first")
