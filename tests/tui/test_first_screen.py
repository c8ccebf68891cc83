"""The empty screen begins with the easiest way to the first message."""

from typing import Any

import pytest

from qstash_dev.devtools.documents import App, Process, Server
from qstash_dev.tui.widgets.bars import quick_start_lines
from tests.tui.world import ENV

SWITCH = "QSTASH_DEV=true npm run dev"


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
    server = Server(**{"url": ENV["QSTASH_URL"], "port": 8080, "env": ENV, **more})
    lines = ["".join(text for text, _ in line) for line in quick_start_lines(server)]
    assert lines[3] == third_line
    assert any(line.startswith("curl -X POST") for line in lines)
