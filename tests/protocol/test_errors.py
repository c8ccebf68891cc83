"""What is taken for a slip of the fingers."""

import pytest

from qstash_dev.protocol.errors import nearest

KNOWN = ("env", "open", "send", "workflows", "queues", "groups", "state", "dest", "completion")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("evn", "env"),  # two letters have changed places
        ("dst", "dest"),  # one is missing
        ("stat", "state"),
        ("sendd", "send"),  # one is too many
        ("sand", "send"),  # one is another
        ("wrkflwos", "workflows"),  # of eight letters two may be wrong
        ("quues", "queues"),
        ("nope", None),
        ("xyzzy", None),
        ("gruesome", None),
        ("", None),
    ],
)
def test_a_guess_is_a_slip_away_and_no_further(word, meant):
    assert nearest(word, KNOWN) == meant
    assert nearest(word, []) is None
