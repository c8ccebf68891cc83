"""Words for every known failure, and tunnels that somebody else runs."""

import pytest

from qstash_dev.cloud.tunnel.state import ExternalTunnel, Phase, TunnelState, explain, failed


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        ("ERR_NGROK_4018", "set NGROK_AUTHTOKEN"),
        ("ERR_NGROK_105", "into NGROK_AUTHTOKEN"),
        ("ERR_NGROK_107", "into NGROK_AUTHTOKEN"),
        ("ERR_NGROK_108", "Stop one"),
        ("ERR_NGROK_334", "--domain"),
        ("ERR_NGROK_6024", "ngrok-skip-browser-warning"),
        ("ERR_NGROK_8012", "Restart qstash-dev"),
        ("ERR_NGROK_3200", "--tunnel again"),
        ("offline", "Check the network"),
        ("not-installed", "--tunnel-install"),
    ],
)
def test_each_known_code_names_the_next_step(code: str, next_step: str) -> None:
    assert next_step in explain(code, "some detail")


def test_an_unknown_code_keeps_the_words_of_ngrok_and_says_where_it_is_explained() -> None:
    state = failed("ERR_NGROK_9999", "the moon is full")
    assert state.state is Phase.FAILED
    assert "the moon is full" in (state.hint or "")
    assert "err_ngrok_9999" in (state.hint or "")


def test_braces_in_what_ngrok_said_are_kept() -> None:
    assert "{x}" in explain("agent-refused", "unexpected {x}")


async def test_an_external_tunnel_is_online_with_its_url() -> None:
    seen: list[TunnelState] = []
    tunnel = ExternalTunnel("https://x.trycloudflare.com/", seen.append)
    assert tunnel.state.state is Phase.OFF
    await tunnel.start()
    await tunnel.stop()
    assert seen == [
        TunnelState(Phase.ONLINE, "https://x.trycloudflare.com"),
        TunnelState(Phase.STOPPED),
    ]


@pytest.mark.parametrize(
    "url", ["", "x.example", "ftp://x.example", "https://", "https://x.example?a=1", "http://[::1"]
)
async def test_an_external_url_that_cannot_be_one_is_a_failed_state(url: str) -> None:
    tunnel = ExternalTunnel(url)
    await tunnel.start()
    assert tunnel.state.state is Phase.FAILED
    assert tunnel.state.code == "bad-public-url"
    assert repr(url.rstrip("/")) in (tunnel.state.hint or "")
