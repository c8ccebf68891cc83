"""The files of the page as they are served: with a policy, known by their contents, to nobody else."""

import json
import re
from pathlib import Path

import pytest

from qstash_dev.api.control.events import TICK_S
from qstash_dev.tui.app import FRAME_S, UNREAD
from qstash_dev.web.assets import FILES, assets, version
from tests.api.conftest import Api

STATIC = sorted(path.name for path in FILES.iterdir())


async def head_of(api: Api, path: str, *headers: str) -> tuple[int, str, bytes]:
    lines = "\r\n".join(
        [f"GET {path} HTTP/1.1", f"Host: {api.host}", "Connection: close", *headers]
    )
    status, head, body = await api.raw(f"{lines}\r\n\r\n".encode())
    return status, head.decode("latin-1"), body


@pytest.mark.parametrize(
    "path", ["/_dev/", "/_dev", "/_DEV/", *(f"/_dev/page/{n}" for n in STATIC)]
)
async def test_a_file_comes_with_all_that_keeps_it_from_doing_harm(api: Api, path: str) -> None:
    status, head, body = await head_of(api, path)
    assert status == 200
    assert body
    policy = head.partition("Content-Security-Policy: ")[2].partition("\r\n")[0].split("; ")
    assert {"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in head
    assert "X-Content-Type-Options: nosniff" in head
    assert "Cache-Control: no-cache" in head


@pytest.mark.parametrize("path", ["/", "/?x"])
async def test_the_address_of_the_server_leads_to_the_page(api: Api, path: str) -> None:
    status, head, _ = await head_of(api, path)
    assert (status, "Location: /_dev/\r\n" in head) == (307, True)


async def test_a_browser_that_has_a_file_gets_it_once(api: Api) -> None:
    _, head, _ = await head_of(api, "/_dev/page/app.js")
    etag = head.partition("ETag: ")[2].partition("\r\n")[0]
    assert (await head_of(api, "/_dev/page/app.js", f"If-None-Match: {etag}"))[::2] == (304, b"")
    assert (await head_of(api, "/_dev/page/app.js", 'If-None-Match: "other"'))[0] == 200


async def test_what_is_asked_for_by_its_version_need_not_be_asked_for_again(api: Api) -> None:
    _, _, index = await head_of(api, "/_dev/")
    paths = re.findall(r'"(/_dev/page/[^"]+)"', index.decode())
    assert len(paths) > 2
    for path in [f"/_dev/page/{version()}/{name}" for name in STATIC if name != "index.html"]:
        status, head, body = await head_of(api, path)
        assert (status, body) == (200, (FILES / Path(path).name).read_bytes())
        assert "Cache-Control: max-age=31536000, immutable" in head
        assert "Content-Security-Policy: " in head
    old = paths[0].replace(version(), "0" * 16)
    status, head, _ = await head_of(api, old)
    assert (status, "immutable" in head) == (404, False)


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2F__init__.py", "%2e%2e/assets.py", "app.js/", "assets.py"]
)
async def test_nothing_but_the_files_is_served(api: Api, name: str) -> None:
    status, _, body = await head_of(api, f"/_dev/page/{name}")
    assert status in (200, 404)
    assert (status == 200) == (name == "app.js/")
    assert status == 200 or "error" in json.loads(body)


@pytest.mark.parametrize(
    "header",
    ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"],
)
async def test_no_other_page_has_it(api: Api, header: str) -> None:
    assert (await head_of(api, "/_dev/", header))[0] == 403
    assert (await head_of(api, "/_dev/page/app.js", header))[0] == 403


def test_no_file_has_code_in_its_markup_or_an_address_elsewhere() -> None:
    for name in assets():
        text = Path(FILES / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "innerHTML" not in text
        assert "https://" not in text
        assert "//cdn" not in text
        assert max(map(len, text.splitlines())) <= 120, "for readers"
        if name.endswith(".html"):
            assert "<style" not in text
            assert " on" not in text


def imported(name: str) -> set[str]:
    """A module and all that it cannot begin without."""
    text = (FILES / name).read_text("utf-8")
    found = re.findall(r'^(?:import .*|\}) from "\./(.*)";$', text, re.MULTILINE)
    return {name}.union(*map(imported, found))


def test_all_that_the_page_begins_with_is_asked_for_at_once() -> None:
    index, code = (Path(FILES / name).read_text("utf-8") for name in ("index.html", "server.js"))
    asked = set(re.findall(r'"/_dev/page/(\S+\.js)"', index))
    assert asked == imported("app.js")
    later = {"actions.js", "body.js", "detail.js", "dialogs.js"}
    assert asked == {name for name in STATIC if name.endswith(".js")} - later
    assert "/_dev/snapshot?limit=100" in index
    assert "/_dev/snapshot?limit=100" in code


def test_a_stream_goes_by_unread_after_as_long_as_in_the_terminal_ui() -> None:
    code = Path(FILES / "app.js").read_text("utf-8")
    (ticks,) = re.findall(r"const \[UNREAD, .*\] = \[(\d+), ", code)
    assert int(ticks) * TICK_S == UNREAD * FRAME_S


async def test_no_browser_keeps_what_may_hold_the_token(api: Api) -> None:
    for path in ("/_dev/snapshot", "/_dev/words", "/_dev/nothing"):
        assert "Cache-Control: no-store" in (await head_of(api, path))[1]
