"""`/v2/keys`: the signing keys. The JavaScript SDK recognises a dev server by them."""

from qstash_dev.api import web
from qstash_dev.api.call import Call


async def get(call: Call) -> web.Response:
    """Both keys of the user."""
    current, next_ = call.engine.attempts.signing_keys(call.user)
    return await call.answer({"current": current, "next": next_})


async def rotate(call: Call) -> web.Response:
    """The next key becomes the current one, and there is a new next key."""
    current, next_ = call.engine.rotate_keys(call.user)
    return await call.answer({"current": current, "next": next_})
