"""Which handler a path finds: for every route of the table, and what its parameters are."""

import pytest

from qstash_dev.api.app import all_routes
from qstash_dev.api.router import Router, WrongMethod, _head
from qstash_dev.api.v2.all_routes import ROUTES
from qstash_dev.api.v2.first_routes import FIRST

ROUTER = Router(FIRST, all_routes)
OF_QSTASH = ROUTES


def filled(pattern, literal=str):
    """A path for a pattern; `literal` may change the parts that are no parameters."""
    parts = []
    for part in pattern.split("/"):
        if part == "*":
            parts.append("https://App.test/Path")
        elif part.endswith("...}"):
            parts.append("Some/Key")
        else:
            parts.append("SomeName" if part[:1] == "{" else literal(part))
    return "/".join(parts)


@pytest.mark.parametrize("route", OF_QSTASH, ids=lambda route: f"{route.methods} {route.pattern}")
def test_a_slash_at_the_end_and_the_case_of_a_path_change_nothing(route):
    methods = "PATCH" if route.methods == "ANY" else route.methods
    for method in methods.split():
        path = filled(route.pattern)
        found = ROUTER.find(method, path)
        assert found is not None
        assert found.handler is route.handler
        assert set(found.params.values()) <= {"SomeName", "Some/Key"}
        for literal in (str.upper, str.lower, str.title):
            assert ROUTER.find(method, filled(route.pattern, literal)) == found
        slashed = ROUTER.find(method, path + "/")
        assert slashed is not None
        if route.pattern.endswith("*"):  # the slash is that of a destination
            assert (slashed.handler, slashed.rest) == (found.handler, found.rest + "/")
        else:
            assert slashed == found


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "a", "a"),
        ("GET", "a/", "a"),
        ("GET", "a/b", "a/b"),
        ("GET", "a%2Fb", "a/b"),
        ("GET", "a/pause", "a/pause"),
        ("GET", "/a", "/a"),
        ("POST", "a/pause", "a"),
        ("POST", "a/b/pause", "a/b"),
        ("POST", "a/b/pause/", "a/b"),
        ("POST", "a/b/PAUSE", "a/b"),
        ("POST", "a%2Fb/pause", "a/b"),
        ("POST", "a/pause/pause", "a/pause"),
        ("POST", "a/resume/pause", "a/resume"),
        ("POST", "a//pause", "a/"),
    ],
)
def test_a_flow_control_key_may_hold_slashes(method, path, key):
    found = ROUTER.find(method, f"/v2/flowControl/{path}")
    assert found is not None
    assert found.params == {"key": key}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2"),
        ("GET", "/v2/queuesx"),
        ("GET", "/v2/queues/a/b"),
        ("GET", "/v2/queues/a//"),
        ("POST", "/v2/queues//pause"),
        ("GET", "/v2/batchXtrigger"),
        ("GET", "/x/v2/queues"),
    ],
)
def test_what_is_no_path_of_the_table_is_not_found(method, path):
    assert ROUTER.find(method, path) is None


def test_another_method_is_told_which_ones_there_are():
    with pytest.raises(WrongMethod) as refused:
        ROUTER.find("PUT", "/v2/messages/msg_1/")
    assert refused.value.allowed == {"GET", "DELETE"}


def test_what_begins_as_the_first_routes_do_is_one_of_them():
    for route in ROUTES:
        if _head(route.pattern) in {_head(first.pattern) for first in FIRST}:
            assert route in FIRST
