"""Who may talk to the server: a token selects a user, and each user has signing keys of its own.

The four users of the official dev server are public constants (QStash docs, "Local Development");
the JavaScript SDK knows a dev server by the keys of the first one (qstash-js `dev-server/health.ts`).
"""

import binascii
from base64 import b64decode

from msgspec import Struct

from qstash_dev.protocol.json_body import loads


class User(Struct, frozen=True):
    """A tenant: what it sends as a token, and the keys that sign its deliveries."""

    id: str
    token: str
    current_key: str
    next_key: str


DEV_USERS = (
    User(
        "defaultUser",
        "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
        "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
        "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
    ),
    User(
        "testUser1",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjEiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM",
        "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua",
    ),
    User(
        "testUser2",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjIiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "sig_6jWGaWRxHsw4vMSPJprXadyvrybF",
        "sig_7qHbvhmahe5GwfePDiS5Lg3pi6Qx",
    ),
    User(
        "testUser3",
        "eyJVc2VySUQiOiJ0ZXN0VXNlcjMiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        "sig_5T8FcSsynBjn9mMLBsXhpacRovJf",
        "sig_7GFR4YaDshFcqsxWRZpRB161jguD",
    ),
)

DEFAULT_USER = DEV_USERS[0].id
CLOUD_USER = "cloud"
"""A user that nobody can log in as, with the cloud's signing keys."""


def is_public(token: str) -> bool:
    """Whether everybody knows this token, so that it protects nothing."""
    return any(user.token == token for user in DEV_USERS)


def user_id_of(token: str) -> str | None:
    """The `UserID` inside a token (base64 of `{"UserID", "Password"}`), or `None`."""
    try:
        content = loads(b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        return None
    user_id = content.get("UserID") if isinstance(content, dict) else None
    return user_id if isinstance(user_id, str) and user_id else None
