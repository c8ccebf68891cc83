import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from qstash_dev.demo import samples as demo
from qstash_dev.demo.app import FIXED, sample_app
from qstash_dev.protocol.signature import body_hash
from qstash_dev.protocol.users import DEV_USERS

USER = DEV_USERS[0]
BODY = b'{"order": 1}'


@pytest.fixture
async def sample():
    async with sample_app(USER) as app:
        await app.start()
        yield app


@pytest.fixture
def app(sample):
    return sample.url


async def call(url, *, key=USER.current_key, signed=BODY, headers=None, body=None):
    claims = {
        "iss": "Upstash",
        "sub": url,
        "exp": 4_000_000_000,
        "nbf": -62_135_596_800,
        "body": body_hash(signed),
    }
    token = jwt.encode(claims, key, "HS256")
    return await post(url, {"Upstash-Signature": token, **(headers or {})}, body or signed)


async def post(url, headers, body=BODY):
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json(), answer.headers


@pytest.mark.parametrize(
    ("path", "retried", "status"),
    [
        ("/api/orders", 0, 200),
        ("/api/flaky", 0, 503),
        ("/api/flaky", 1, 503),
        ("/api/flaky", 2, 200),
        ("/api/broken", 5, 500),
        ("/api/rejected", 0, 489),
        ("/api/busy", 4, 503),
        ("/api/busy", 5, 200),
        ("/api/checkout", 0, 401),
    ],
)
async def test_each_handler_has_its_own_fate(app, path, retried, status):
    answer = await call(app + path, headers={"Upstash-Retried": str(retried)})
    assert answer[0] == status
    assert ("Upstash-NonRetryable-Error" in answer[2]) is (status == 489)


async def test_one_handler_does_what_its_file_says(sample):
    order = b'{"lines": [{"price": 4}, {"price": 8}]}'
    status, answer, _ = await call(f"{sample.url}/api/total", signed=order)
    assert (status, answer) == (500, {"error": "KeyError: 'prize'"})
    sample.save()
    assert sample.source.read_text() == FIXED
    assert (await call(f"{sample.url}/api/total", signed=order))[:2] == (200, {"total": 12})


async def test_the_next_key_is_good_too(app):
    assert (await call(app + "/api/orders", key=USER.next_key))[0] == 200


async def test_a_delivery_with_a_wrong_signature_is_refused(app):
    status, answer, _ = await call(app + "/api/orders", key="sig_of_somebody_else_altogether_")
    assert (status, answer) == (401, {"error": "Signature verification failed"})
    status, answer, _ = await call(app + "/api/orders", signed=b"another body", body=BODY)
    assert (status, answer) == (401, {"error": "the body is not the one that was signed"})
    assert (await post(app + "/api/orders", {}))[0] == 401


async def recording_server(status=200):
    seen = []

    async def record(request):
        seen.append((request.raw_path, dict(request.headers), await request.read()))
        return web.json_response({}, status=status)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", record)
    server = TestServer(application)
    await server.start_server()
    return server, seen


async def no_pause(_seconds):
    pass


async def test_every_sample_names_the_app_and_carries_the_token():
    server, seen = await recording_server()
    base = str(server.make_url("")).rstrip("/")
    await demo.send_samples(base, USER, "http://app:1", samples=demo.SAMPLES, sleep=no_pause)
    await server.close()
    assert len(seen) == len(demo.SETUP) + len(demo.SAMPLES)
    assert {headers["Authorization"] for _, headers, _ in seen} == {f"Bearer {USER.token}"}
    assert not [path for path, _, body in seen if "{app}" in path or b"{app}" in body]
    paths = [path for path, _, _ in seen]
    assert "/v2/publish/http://app:1/api/search?q=caf%C3%A9&page=2" in paths


async def test_a_refused_sample_is_named_and_the_rest_is_sent(caplog):
    server, seen = await recording_server(status=404)
    base = str(server.make_url("")).rstrip("/")
    await demo.send_samples(base, USER, "http://app:1", samples=())
    await server.close()
    assert len(seen) == len(demo.SETUP)
    assert "'URL group' was refused: 404" in caplog.text


def test_samples_hold_a_body_that_is_no_text():
    binary = next(sample.body for sample in demo.SAMPLES if sample.title == "binary")
    with pytest.raises(UnicodeDecodeError):
        binary.decode()
