"""`b` opens the page in the browser, at what is selected; without a browser its address is copied."""

import sys

import pytest

from tests.tui.conftest import Open
from tests.tui.world import World


@pytest.mark.parametrize(("code", "said"), [(0, "Opened"), (1, "Copied the address")])
async def test_b_opens_the_page_at_the_selected_message(
    tui: Open, world: World, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BROWSER", f'{sys.executable} -c "import sys; sys.exit({code})" %s')
    async with tui() as pilot:
        await pilot.press("b")
        selected = pilot.app.session.message_id  # type: ignore[attr-defined]
        (note,) = pilot.app._notifications
        assert said in note.message
        assert f"{world.url}/_dev/#/messages/{selected}" in note.message
