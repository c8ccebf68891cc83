"""Addresses of the page: printed, opened in a browser, and leading to what they name."""

import sys

import pytest

from qstash_dev.web.links import open_in_browser, page_url

SERVER = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("id", "place"),
    [
        (None, ""),
        ("msg_1", "#/messages/msg_1"),
        ("wfr_a b", "#/runs/wfr_a%20b"),
        ("scd_1", "#/schedules/scd_1"),
        ("state:failed", "#/?filter=state%3Afailed"),
    ],
)
def test_an_id_has_a_place_on_the_page(id: str | None, place: str) -> None:
    assert page_url(SERVER, id) == f"{SERVER}/_dev/{place}"


@pytest.mark.parametrize(("code", "opened"), [(0, True), (1, False)])
def test_a_browser_that_fails_has_not_opened_it(
    monkeypatch: pytest.MonkeyPatch, code: int, opened: bool
) -> None:
    # What webbrowser looks for, and nothing else that could be found on the machine.
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BROWSER", f'{sys.executable} -c "import sys; sys.exit({code})" %s')
    assert open_in_browser(SERVER) is opened
