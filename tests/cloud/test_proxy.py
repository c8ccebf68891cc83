"""With `--cloud` the app talks to the real QStash through us. Another server stands in for it."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from qstash import AsyncQStash, Receiver

from qstash_dev.config import Config
from qstash_dev.config.errors import ConfigError
from qstash_dev.protocol.users import User
from qstash_dev.server import Server
from tests.patience import PATIENCE_MS
from tests.ports import reserved_port
from tests.server.outside_world import DEV, PUBLIC, PUBLIC_HOST, App, World, outside_world

FAKE_NGROK = Path(__file__).parents[2] / "fixtures" / "fake_ngrok.py"
ACCOUNT = User(
    "account",
    "token-of-the-cloud-account",
    "sig_accountCurrent6cr29RJ6rXXXXXX",
    "sig_accountNextB1wjE8S6rZ7eenA8Pd",
)
DEV_RECEIVER = Receiver(current_signing_key=DEV.current_key, next_signing_key=DEV.next_key)


class Circle:
    """App, `world` with the tunnel, and the cloud that reaches the app only by the tunnel."""

    def __init__(self, world: World, cloud: Server) -> None:
        self.world = world
        self.app = world.app
        self.cloud = cloud
        self.app_url = world.server.config.app_url
        self.sdk: Any = AsyncQStash(DEV.token, base_url=world.url)

    async def wait_in_cloud(self, wanted: str) -> None:
        """The cloud knows of an attempt a moment later than we do."""
        url = f"{self.cloud.started.url}/_dev/wait?filter={wanted}&timeout_ms={PATIENCE_MS}"
        async with self.world.session.get(url) as answer:
            assert (await answer.json())["met"], wanted

    def in_cloud(self, message_id: str) -> Any:
        return self.cloud._store.messages.get(ACCOUNT.id, message_id)

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {DEV.token}", **options.pop("headers", {})}
        url = f"{self.world.url}{path}"
        async with self.world.session.request(method, url, headers=headers, **options) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text[:1] in ("{", "[") else text


@asynccontextmanager
async def made_circle(tmp_path: Path, token: str = ACCOUNT.token, **of_cloud: Any) -> Any:
    with reserved_port() as port:
        async with circle_at(port, tmp_path, token, **of_cloud) as circle:
            yield circle


@asynccontextmanager
async def circle_at(port: int, tmp_path: Path, token: str, **of_cloud: Any) -> Any:
    settings = {"port": 0, "data_dir": None, "host": ("127.0.0.1",), "strict": True, **of_cloud}
    routes = ((PUBLIC, f"http://127.0.0.1:{port}"),)
    cloud = Server(Config(users=(ACCOUNT,), routes=routes, retry_interval_ms=50, **settings))
    await cloud.start()
    environ = {
        "NGROK_PATH": str(FAKE_NGROK),
        "FAKE_NGROK_PORT": str(port),
        "FAKE_NGROK_RECORD": str(tmp_path / "record"),
        "PATH": "/usr/bin:/bin",
        "QSTASH_CLOUD_URL": cloud.started.url,
        "QSTASH_CLOUD_TOKEN": token,
    }
    try:
        async with outside_world(
            environ,
            public_url=None,
            tunnel=True,
            domain=PUBLIC_HOST,
            cloud=True,
            data_dir=tmp_path / ".qstash-dev",
        ) as world:
            if token == ACCOUNT.token:
                await open_(world)
            circle = Circle(world, cloud)
            yield circle
            await circle.sdk.http._client.aclose()  # the SDK has no way to close it
    finally:
        await cloud.stop()


async def open_(world: World) -> None:
    version = -1
    while True:
        tunnel = await world.dev("tunnel")
        if tunnel["state"] == "online" and tunnel["keys_known"]:
            return
        assert tunnel["state"] in ("starting", "online"), tunnel
        version = await world.server._notifier.changed_since(version)


@pytest.fixture
async def circle(tmp_path: Path) -> Any:
    async with made_circle(tmp_path) as made:
        yield made


async def test_a_publish_goes_to_the_cloud_and_comes_back_by_the_tunnel(circle: Circle) -> None:
    sent = await circle.sdk.message.publish_json(
        url=f"{circle.app_url}/api/x%2Fy?a=1", body={"a": 1}, headers={"X-Own": "1"}, retries=2
    )
    [row] = await circle.world.wait("state:delivered")
    assert (row["id"], row["source"]) == (sent.message_id, "cloud")
    assert (row["url"], row["tries"]) == (f"{circle.app_url}/api/x%2Fy?a=1", 3)
    [got] = circle.app.got
    assert (got.path, got.body, got.headers["X-Own"]) == ("/api/x%2Fy?a=1", b'{"a": 1}', "1")
    DEV_RECEIVER.verify(
        signature=got.headers["Upstash-Signature"],
        body=got.body.decode(),
        url=f"{circle.app_url}/api/x%2Fy?a=1",
    )
    detail = await circle.world.dev(f"messages/{sent.message_id}")
    assert detail["signature"]["valid"], detail["signature"]
    far = circle.in_cloud(sent.message_id)
    assert far.spec.url.startswith(f"{PUBLIC}/.qstash-dev/to/http/localhost:")


async def test_a_callback_comes_the_same_way_and_tells_of_the_local_url(circle: Circle) -> None:
    circle.app.answer = lambda got: web.Response(status=201, text="made")
    sent = await circle.sdk.message.publish_json(
        url=f"{circle.app_url}/work", body={}, callback=f"{circle.app_url}/done?x=1"
    )
    rows = await circle.world.wait("state:delivered source:cloud", count=2)
    done = next(row for row in rows if row["id"] != sent.message_id)
    assert done["parent"] == sent.message_id
    got = next(got for got in circle.app.got if got.path == "/done?x=1")
    DEV_RECEIVER.verify(
        signature=got.headers["Upstash-Signature"],
        body=got.body.decode(),
        url=f"{circle.app_url}/done?x=1",
    )
    told = json.loads(got.body)
    assert (told["url"], told["status"]) == (f"{circle.app_url}/work", 201)
    assert told["sourceMessageId"] == sent.message_id
    assert PUBLIC not in got.body.decode()


async def test_the_cloud_retries_and_the_list_counts_its_attempts(circle: Circle) -> None:
    circle.app.answer = lambda got: web.Response(status=200 if len(circle.app.got) == 3 else 500)
    await circle.sdk.message.publish(url=f"{circle.app_url}/x", retries=3)
    [row] = await circle.world.wait("state:delivered")
    assert row["try"] == 3


async def test_batches_queues_and_groups_go_the_same_way(circle: Circle) -> None:
    url = circle.app_url
    group = {"endpoints": [{"url": f"{url}/in-group", "name": "one"}]}
    status, _ = await circle.call("POST", "/v2/topics/g/endpoints", json=group)
    assert status == 200
    await circle.sdk.message.batch_json(
        [{"url": f"{url}/one", "body": 1}, {"url_group": "g", "body": 2}]
    )
    await circle.sdk.message.enqueue_json(queue="q", url=f"{url}/queued", body=3)
    await circle.world.wait("state:delivered source:cloud", count=3)
    assert sorted(got.path for got in circle.app.got) == ["/in-group", "/one", "/queued"]


async def test_a_schedule_lives_in_the_cloud_and_is_read_with_its_local_url(
    circle: Circle,
) -> None:
    url = f"{circle.app_url}/cron"
    schedule_id = await circle.sdk.schedule.create(destination=url, cron="0 0 1 1 *")
    assert (await circle.sdk.schedule.get(schedule_id)).destination == url
    assert circle.cloud._store.schedules.get(ACCOUNT.id, schedule_id) is not None
    assert circle.world.server._store.schedules.of(DEV.id) == []


async def test_reads_about_messages_are_answered_by_the_cloud_in_local_terms(
    circle: Circle,
) -> None:
    circle.app.answer = lambda got: web.Response(status=500)
    url = f"{circle.app_url}/x"
    sent = await circle.sdk.message.publish(url=url, retries=0)
    await circle.world.wait("state:failed")
    await circle.wait_in_cloud("state:failed")
    message = await circle.sdk.message.get(sent.message_id)
    assert (message.url, message.message_id) == (url, sent.message_id)
    logs = await circle.sdk.log.list(filter={"url": url})
    assert {log.url for log in logs.logs} == {url}
    [dead] = (await circle.sdk.dlq.list()).messages
    assert dead.url == url


async def test_a_message_can_be_cancelled_in_the_cloud(circle: Circle) -> None:
    sent = await circle.sdk.message.publish(url=f"{circle.app_url}/x", delay="1h")
    await circle.sdk.message.cancel(sent.message_id)
    assert circle.in_cloud(sent.message_id).state == "CANCELED"
    [row] = await circle.world.rows()
    assert row["state"] == "canceled"


@pytest.mark.parametrize("how", ["?label=x", "?label=x&async=true", "/"])
async def test_many_messages_can_be_cancelled_in_the_cloud(circle: Circle, how: str) -> None:
    ids = []
    for label in ("x", "x", "y"):
        sent = await circle.sdk.message.publish(
            url=f"{circle.app_url}/x", delay="1h", label=label, body="hi"
        )
        ids.append(sent.message_id)
    copy = await circle.world.dev(f"messages/{ids[2]}/replay", "POST", json={"headers": {}})
    await circle.world.wait("is:replay state:delivered")
    body = {"label": ["x"]} if how == "/" else None
    status, _ = await circle.call("DELETE", f"/v2/messages{how}", json=body)
    assert status == 202
    rows = {row["id"]: row["state"] for row in await circle.world.rows()}
    assert rows == {
        **dict.fromkeys(ids[:2], "canceled"),
        ids[2]: "created",
        copy["id"]: "delivered",
    }


async def test_a_replay_needs_no_cloud(circle: Circle) -> None:
    sent = await circle.sdk.message.publish(url=f"{circle.app_url}/x", body="hi")
    await circle.world.wait("state:delivered")
    calls = (await circle.world.dev("tunnel"))["cloud"]["calls"]
    await circle.world.dev(f"messages/{sent.message_id}/replay", "POST", json={})
    await circle.world.wait("is:replay state:delivered")
    tunnel = await circle.world.dev("tunnel")
    assert (tunnel["admitted"], tunnel["cloud"]["calls"]) == (1, calls)
    replayed = circle.app.got[1]
    DEV_RECEIVER.verify(signature=replayed.headers["Upstash-Signature"], body="hi")


async def test_a_replay_is_a_local_message_for_the_api(circle: Circle) -> None:
    await circle.sdk.message.publish(url=f"{circle.app_url}/x", body="hi")
    [row] = await circle.world.wait("state:delivered")
    copy = await circle.world.dev(f"messages/{row['id']}/replay", "POST", json={})
    assert (await circle.sdk.message.get(copy["id"])).message_id == copy["id"]


async def test_the_keys_stay_the_dev_keys_which_the_app_verifies_with(circle: Circle) -> None:
    keys = await circle.sdk.signing_key.get()
    assert (keys.current, keys.next) == (DEV.current_key, DEV.next_key)


async def test_far_destinations_are_left_as_they_are(circle: Circle) -> None:
    sent = await circle.sdk.message.publish(url="https://example.com/x", delay="1h")
    assert circle.in_cloud(sent.message_id).spec.url == "https://example.com/x"
    assert await circle.world.rows() == []


async def test_an_error_of_the_cloud_reaches_the_app_as_it_is(circle: Circle) -> None:
    url = f"/v2/publish/{circle.app_url}/x"
    status, answer = await circle.call("POST", url, headers={"Upstash-Retries": "9"})
    assert (status, answer) == (412, {"error": "quota maxRetries exceeded"})
    assert "quota" in (await circle.world.dev("tunnel"))["cloud"]["trouble"]
    status, _ = await circle.call("POST", url)
    assert status == 200
    assert (await circle.world.dev("tunnel"))["cloud"]["trouble"] is None
    await circle.world.wait("state:delivered")


async def test_a_fault_rule_for_publishes_keeps_a_call_from_the_cloud(circle: Circle) -> None:
    fault = {"kind": "publish", "status": 500, "times": 1}
    await circle.world.dev("faults", "POST", json=fault)
    calls = (await circle.world.dev("tunnel"))["cloud"]["calls"]
    status, _ = await circle.call("POST", f"/v2/publish/{circle.app_url}/x")
    assert status == 500
    assert (await circle.world.dev("tunnel"))["cloud"]["calls"] == calls


async def test_a_webhook_without_a_token_does_not_reach_the_cloud_with_ours(circle: Circle) -> None:
    calls = (await circle.world.dev("tunnel"))["cloud"]["calls"]
    stranger = {"Authorization": ""}
    status, _ = await circle.call("POST", "/v2/workflows/hooks/u/r/e", headers=stranger)
    assert status == 404
    assert (await circle.world.dev("tunnel"))["cloud"]["calls"] == calls


async def test_a_wrong_cloud_token_is_told_to_the_app_and_in_words(tmp_path: Path) -> None:
    async with made_circle(tmp_path, token="wrong") as circle:
        status, answer = await circle.call("GET", "/v2/events")
        assert (status, answer) == (401, {"error": "unable to authenticate: invalid token"})
        tunnel = (await circle.world.dev("snapshot"))["server"]["tunnel"]
        assert "QSTASH_CLOUD_TOKEN" in tunnel["cloud"]["trouble"]


async def test_a_cloud_that_cannot_be_reached_is_a_bad_gateway_in_words(circle: Circle) -> None:
    await circle.cloud.stop()
    status, answer = await circle.call("POST", f"/v2/publish/{circle.app_url}/x")
    assert status == 502
    assert answer["error"].endswith("cannot be reached: Connection refused")
    assert "cannot be reached" in (await circle.world.dev("tunnel"))["cloud"]["trouble"]
    await circle.cloud.start()


async def test_the_token_of_the_cloud_appears_nowhere(
    circle: Circle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await circle.sdk.message.publish(url=f"{circle.app_url}/x")
    [row] = await circle.world.wait("state:delivered")
    shown = [
        await circle.world.dev("tunnel"),
        await circle.world.dev("snapshot"),
        await circle.world.dev(f"messages/{row['id']}", params={"reveal": "1"}),
        [(got.headers, got.body.decode()) for got in circle.app.got],
    ]
    assert ACCOUNT.token not in json.dumps(shown)
    assert ACCOUNT.token not in caplog.text
    await circle.world.server._store.database.copy_log()
    for file in (tmp_path / ".qstash-dev").iterdir():
        assert ACCOUNT.token.encode() not in file.read_bytes(), file
        assert ACCOUNT.current_key.encode() not in file.read_bytes(), file
    record = (tmp_path / "record").read_text()
    assert "QSTASH_CLOUD_TOKEN" not in record


async def test_without_an_open_tunnel_local_destinations_are_refused_in_words() -> None:
    environ = {"QSTASH_CLOUD_TOKEN": "t", "QSTASH_CLOUD_URL": "http://127.0.0.1:9", "PATH": ""}
    settings: dict[str, Any] = {"public_url": None, "tunnel": True, "cloud": True}
    async with outside_world({**environ, "NGROK_PATH": "/nowhere"}, **settings) as world:
        headers = {"Authorization": f"Bearer {DEV.token}"}
        url = f"{world.url}/v2/publish/{world.server.config.app_url}/x"
        async with world.session.post(url, headers=headers) as answer:
            assert answer.status == 503
            assert "the tunnel is not open" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("settings", "environ", "words"),
    [
        ({"cloud": True, "public_url": PUBLIC}, {}, "QSTASH_CLOUD_TOKEN"),
        ({"cloud": True, "public_url": None}, {"QSTASH_CLOUD_TOKEN": "t"}, "--tunnel"),
        ({"tunnel": True}, {}, "--public-url"),
    ],
)
async def test_settings_that_do_not_fit_are_refused_at_the_start(
    settings: dict[str, Any], environ: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        async with outside_world(environ, **settings):
            pass


SECRET = "eyJVc2VySUQiOiJhIiwiUGFzc3dvcmQiOiJiIn0="
ECHOES: dict[str, Callable[[str], web.Response]] = {
    "refused": lambda told: web.json_response({"error": f"bad token {told}"}, status=401),
    "a fault": lambda told: web.Response(status=500, text="x" * 190 + told),
    "a header": lambda told: web.Response(status=500, headers={"X-Told": told}),
    "escaped": lambda told: web.Response(status=429, text=quote(told)),
    "in base64": lambda told: web.Response(status=500, text=b64encode(told.encode()).decode()),
    "accepted": lambda told: web.json_response({"messageId": "msg_1", "told": told}),
}


@pytest.mark.parametrize("name", ECHOES)
async def test_the_token_is_masked_when_the_cloud_repeats_it(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    cloud = App()
    cloud.answer = lambda got: ECHOES[name](got.headers["Authorization"])
    environ = {
        "QSTASH_CLOUD_URL": f"http://127.0.0.1:{await cloud.start()}",
        "QSTASH_CLOUD_TOKEN": SECRET,
    }
    try:
        async with outside_world(environ, cloud=True) as world:
            url = f"{world.url}/v2/publish/https://example.com"
            bearer = {"Authorization": f"Bearer {DEV.token}"}
            async with world.session.post(url, headers=bearer) as answer:
                said = f"{answer.headers} {await answer.text()}"
            said += json.dumps([await world.dev("tunnel"), await world.dev("snapshot")])
    finally:
        await cloud.stop()
    assert "****" in said
    assert SECRET[:20] not in said + caplog.text


async def test_a_header_that_cannot_be_passed_on_is_refused_by_name(circle: Circle) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", circle.world.server.started.port)
    lines = (
        "GET /v2/messages/x HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {DEV.token}",
        "X-Name: Zo\xeb",
        "Connection: close",
        "\r\n",
    )
    writer.write("\r\n".join(lines).encode("latin-1"))
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"invalid value of header X-Name" in answer
