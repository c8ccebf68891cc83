"""What the terminal UI says of the tunnel."""

import pytest

from qstash_dev.devtools.documents import CloudState, Counts, Server, Tunnel
from qstash_dev.tui.widgets.bars import status_line, tunnel_news


@pytest.mark.parametrize(
    ("tunnel", "shown"),
    [
        (Tunnel(), "tunnel off"),
        (Tunnel("starting"), "tunnel starting"),
        (Tunnel("online", "https://mine.ngrok-free.app"), "tunnel mine.ngrok-free.app"),
        (Tunnel("online", "https://a.app", refused=3), "tunnel a.app refused 3"),
        (Tunnel("reconnecting", "https://a.app"), "tunnel reconnecting"),
        (Tunnel("failed", None, "offline", "Check the network."), "tunnel failed"),
    ],
)
def test_the_status_line_shows_state_address_and_refusals(tunnel: Tunnel, shown: str) -> None:
    server = Server(tunnel=tunnel)
    line = status_line(server, Counts(), None, 200, "")
    assert shown in "".join(text for text, _ in line)


def test_a_failure_is_said_once_in_words() -> None:
    failed = Tunnel("failed", None, "offline", "Check the network.")
    assert tunnel_news(Tunnel("starting"), failed) == [("Check the network.", "error")]
    assert tunnel_news(failed, failed) == []


def test_trouble_of_the_cloud_is_said_in_words_and_its_end_is_not() -> None:
    quiet = Tunnel("online", cloud=CloudState())
    trouble = Tunnel("online", cloud=CloudState("the cloud cannot be reached"))
    assert tunnel_news(quiet, trouble) == [("The cloud cannot be reached", "error")]
    assert tunnel_news(trouble, quiet) == []
