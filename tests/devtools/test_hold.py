import pytest

from qstash_dev.devtools.hold import EXTERNAL, awaited, hint, is_origin
from qstash_dev.protocol.model import Attempt, Reason, Response, SendFailure, Timing
from qstash_dev.protocol.urls import Nearby

LOCAL, FAR = "http://localhost:3000/api", "https://example.com/api"


def attempt(target, reason):
    return Attempt("msg_1", 1, target, (), SendFailure(reason, "detail", Timing(0)))


@pytest.mark.parametrize(
    ("target", "reason", "apps", "external", "expected"),
    [
        (LOCAL, Reason.REFUSED, True, "allow", "http://localhost:3000"),
        (LOCAL, Reason.REFUSED, False, "allow", None),  # --no-hold
        (FAR, Reason.REFUSED, True, "allow", None),  # not our machine: a failed attempt
        (LOCAL, Reason.RESET, True, "allow", None),  # the app was there
        (LOCAL, Reason.TIMEOUT, True, "allow", None),
        (FAR, Reason.EXTERNAL_DENIED, False, "hold", EXTERNAL),
        (FAR, Reason.EXTERNAL_DENIED, True, "deny", None),
    ],
)
def test_what_a_failed_attempt_waits_for(target, reason, apps, external, expected):
    assert awaited(attempt(target, reason), apps, external) == expected


@pytest.mark.parametrize(
    ("target", "reason", "expected"),
    [
        ("http://app:3000/x", Reason.REFUSED, "http://app:3000"),
        ("http://app:3000/x", Reason.DNS, "http://app:3000"),  # not started: it has no name yet
        ("http://172.18.0.3:3000/x", Reason.UNREACHABLE, "http://172.18.0.3:3000"),
        ("http://app.test:3000/x", Reason.REFUSED, "http://app.test:3000"),  # --allow-host
        ("http://app:3000/x", Reason.RESET, None),
        (FAR, Reason.DNS, None),
        (LOCAL, Reason.REFUSED, None),  # the container itself
    ],
)
def test_in_a_container_the_apps_of_its_network_are_waited_for(target, reason, expected):
    nearby = Nearby(True, ("*.test",))
    assert awaited(attempt(target, reason), True, "allow", nearby) == expected


def test_an_answer_is_never_held():
    answered = Attempt("msg_1", 1, LOCAL, (), Response(503, (), b"", Timing(0)))
    assert awaited(answered, True, "hold") is None


def test_only_apps_and_external_destinations_have_a_remedy():
    assert hint("the cloud decides when it is delivered") is None
    assert is_origin("http://127.0.0.1:3000")
    assert not is_origin(EXTERNAL)
