"""The Python SDK's `signing_key`. Rotated keys outlive a reset, so each test has its own server."""

import pytest
from qstash import AsyncQStash, QStash, Receiver
from qstash.errors import SignatureError

CURRENT, NEXT = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"


async def test_the_keys_of_the_default_user_are_the_public_ones(qstash):
    keys = await qstash.signing_key.get()
    assert (keys.current, keys.next) == (CURRENT, NEXT)


def test_after_a_rotation_the_next_key_is_the_current_one(start_server):
    server = start_server()
    client = QStash(server.env["QSTASH_TOKEN"], base_url=server.url, retry=False)
    first = client.signing_key.rotate()
    assert first.current == NEXT
    assert first.next not in (CURRENT, NEXT)
    assert client.signing_key.get() == first
    second = client.signing_key.rotate()
    assert second.current == first.next
    client.http._client.close()


async def test_an_app_with_the_old_keys_verifies_once_more_after_a_rotation(start_server, app):
    server = start_server()
    client = AsyncQStash(server.env["QSTASH_TOKEN"], base_url=server.url, retry=False)

    async def verify_next_delivery():
        app.requests.clear()
        await client.message.publish(url=app.url, body="x")
        got = await app.one()
        signature = got.headers["Upstash-Signature"]
        Receiver(CURRENT, NEXT).verify(signature=signature, body=got.text, url=app.url)

    await verify_next_delivery()
    await client.signing_key.rotate()
    await verify_next_delivery()
    await client.signing_key.rotate()
    with pytest.raises(SignatureError):
        await verify_next_delivery()
    await client.http._client.aclose()
