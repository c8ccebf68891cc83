"""The Python SDK's `Receiver` on real deliveries."""

import pytest
from qstash import Receiver
from qstash.errors import SignatureError


@pytest.fixture
def receiver(server):
    return Receiver(server.env["QSTASH_CURRENT_SIGNING_KEY"], server.env["QSTASH_NEXT_SIGNING_KEY"])


def verify(receiver, got, **changes):
    receiver.verify(
        **{
            "signature": got.headers["Upstash-Signature"],
            "body": got.text,
            "url": got.url,
            **changes,
        }
    )


@pytest.mark.parametrize("path", ["", "/?a=b&c", "//a/%2F/"])
async def test_a_delivery_verifies_with_its_url(qstash, receiver, app, path):
    for body in ("", "text", '{"a": "ünïcødé"}', "line\r\nline\n", "x" * 1_000_000):
        await qstash.message.publish(url=app.url + path, body=body)
        got = await app.one()
        # An HTTP client sends `/` where the URL has no path; the signature names what was published.
        verify(receiver, got, url=app.url + path)
        app.forget()


async def test_every_attempt_and_callback_is_signed_anew(qstash, receiver, app):
    app.answers("/flaky", 500, 200)
    callback = app.url + "/callback"
    await qstash.message.publish(
        url=app.url + "/flaky", body="x", retries=1, retry_delay="1", callback=callback
    )
    # One callback for each attempt.
    await app.received(2, "/callback")
    got = await app.received(4)
    for one in got:
        verify(receiver, one)
    assert len({one.headers["Upstash-Signature"] for one in got}) == 4


@pytest.mark.parametrize(
    "changes", [{"body": "another"}, {"url": "http://localhost/other"}, {"signature": "a.b.c"}]
)
async def test_a_forged_delivery_is_refused(qstash, receiver, app, changes):
    await qstash.message.publish(url=app.url + "/task", body="text")
    got = await app.one()
    with pytest.raises(SignatureError):
        verify(receiver, got, **changes)


async def test_another_users_keys_do_not_verify(qstash, app):
    await qstash.message.publish(url=app.url)
    stranger = Receiver("sig_7GVPjvuwsfqF65iC8fSrs1dfYruM", "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua")
    got = await app.one()
    with pytest.raises(SignatureError):
        verify(stranger, got, url=app.url)
