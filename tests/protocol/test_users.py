from base64 import b64encode

import pytest

from qstash_dev.protocol.users import DEV_USERS, is_public, user_id_of


@pytest.mark.parametrize("user", DEV_USERS, ids=lambda user: user.id)
def test_a_dev_token_holds_the_id_of_its_user(user):
    assert user_id_of(user.token) == user.id
    assert is_public(user.token)


def test_dev_users_share_no_token_and_no_key():
    secrets = [s for user in DEV_USERS for s in (user.token, user.current_key, user.next_key)]
    assert len(set(secrets)) == 12


@pytest.mark.parametrize(
    "token",
    ["", "not base64!", "aGVsbG8=", *(b64encode(t).decode() for t in (b"[]", b"{}", b"\xff"))],
)
def test_a_token_without_a_user_id_is_no_error(token):
    assert user_id_of(token) is None
    assert not is_public(token)
