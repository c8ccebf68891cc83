"""How the endpoints of a URL group change, as tables."""

import pytest

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Endpoint
from qstash_dev.protocol.url_group import added, removed

ONE, TWO, BARE = Endpoint("http://1", "one"), Endpoint("http://2", "two"), Endpoint("http://3")
GROUP = (ONE, TWO, BARE)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (Endpoint("http://4"), (*GROUP, Endpoint("http://4"))),
        (Endpoint("http://4", "four"), (*GROUP, Endpoint("http://4", "four"))),
        (ONE, GROUP),
        (Endpoint("http://1"), GROUP),
        (Endpoint("http://1", "uno"), (Endpoint("http://1", "uno"), TWO, BARE)),
        (Endpoint("http://3", "three"), (ONE, TWO, Endpoint("http://3", "three"))),
        (Endpoint("http://3"), GROUP),
        (Endpoint("http://4", "one"), (Endpoint("http://4", "one"), TWO, BARE)),
    ],
)
def test_an_endpoint_is_new_or_updates_the_one_with_its_url_or_name(
    new: Endpoint, expected: tuple[Endpoint, ...]
) -> None:
    assert added(GROUP, [new]) == expected


@pytest.mark.parametrize("url", ["http://1", "http://3"])
def test_the_url_of_one_endpoint_and_the_name_of_another_are_refused(url: str) -> None:
    with pytest.raises(QStashError) as refused:
        added(GROUP, [Endpoint("http://4"), Endpoint(url, "two")])
    assert (refused.value.status, refused.value.message) == (
        400,
        f"endpoint {url} cannot be named 'two': that is the name of http://2, "
        "remove one of the two first",
    )


def test_endpoints_of_one_request_are_added_one_after_the_other() -> None:
    new = [Endpoint("http://1", "uno"), Endpoint("http://4", "one"), Endpoint("http://5", "one")]
    expected = (Endpoint("http://1", "uno"), Endpoint("http://5", "one"))
    assert added((ONE,), new) == expected


@pytest.mark.parametrize(
    ("url", "name", "left"),
    [
        ("http://1", None, (TWO, BARE)),
        (None, "two", (ONE, BARE)),
        ("http://3", "two", (ONE,)),
        ("http://4", "", GROUP),
        (None, None, GROUP),
    ],
)
def test_endpoints_are_removed_by_url_or_name(
    url: str | None, name: str | None, left: tuple[Endpoint, ...]
) -> None:
    assert removed(GROUP, [(url, name)]) == left
