"""Which publishes are duplicates of which: tables of pairs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qstash_dev.protocol import creation, deduplication
from qstash_dev.protocol.deduplication import Keys
from qstash_dev.protocol.model import Spec
from qstash_dev.protocol.publish.draft import Draft
from tests.samples import URL, group


def keys(draft: Draft, body: bytes = b"{}") -> Keys:
    return deduplication.of_message(draft, draft.spec, body)


def is_duplicate(later: Keys, earlier: Keys) -> bool:
    return bool(set(later.sought) & set(earlier.kept))


def by_id(url: str, topic: str | None = None, id_: str = "a") -> Keys:
    return keys(Draft(Spec(url, topic=topic), deduplication_id=id_))


def by_content(url: str, topic: str | None = None) -> Keys:
    return keys(Draft(Spec(url, topic=topic), content_based_deduplication=True))


def test_without_a_wish_nothing_is_a_duplicate() -> None:
    assert keys(Draft(Spec(URL))) == Keys()
    assert deduplication.of_schedule(Draft(Spec(URL), cron="* * * * *"), URL, b"") == Keys()


def test_a_deduplication_id_holds_across_destinations_and_contents() -> None:
    first = Draft(Spec(URL), deduplication_id="a")
    other = Draft(Spec("http://other", method="PUT"), deduplication_id="a")
    assert is_duplicate(keys(other, b"another"), keys(first))
    assert not is_duplicate(keys(replace(first, deduplication_id="b")), keys(first))


def test_an_id_wins_over_the_content() -> None:
    draft = Draft(Spec(URL), deduplication_id="a", content_based_deduplication=True)
    assert keys(draft, b"1") == keys(draft, b"2")


@pytest.mark.parametrize(
    ("earlier", "later", "duplicate"),
    [
        (("http://a", None), ("http://b", None), True),
        (("http://a", None), ("http://a", "g"), True),
        (("http://a", None), ("http://b", "g"), True),
        (("http://a", "g"), ("http://a", None), True),
        (("http://a", "g"), ("http://b", None), True),
        (("http://a", "g"), ("http://a", "h"), True),
        (("http://a", "g"), ("http://b", "g"), False),
        (("http://a", "g"), ("http://b", "h"), False),
    ],
)
def test_an_id_holds_for_the_account_but_for_other_endpoints_of_groups(
    earlier: tuple[str, str | None], later: tuple[str, str | None], duplicate: bool
) -> None:
    assert is_duplicate(by_id(*later), by_id(*earlier)) is duplicate
    assert not is_duplicate(by_id(*later, "b"), by_id(*earlier))


@pytest.mark.parametrize("topics", [(None, None), (None, "g"), ("g", None), ("g", "h")])
def test_content_is_the_same_whether_it_goes_to_a_group_or_not(
    topics: tuple[str | None, str | None],
) -> None:
    earlier, later = topics
    assert is_duplicate(by_content(URL, later), by_content(URL, earlier))
    assert not is_duplicate(by_content("http://other", later), by_content(URL, earlier))


def test_each_endpoint_of_a_group_deduplicates_by_itself() -> None:
    for draft in (
        Draft(Spec(""), deduplication_id="a"),
        Draft(Spec(""), content_based_deduplication=True),
    ):
        specs = creation.expand_group(draft.spec, group("http://a", "http://b"))
        one, other = (deduplication.of_message(draft, spec, b"") for spec in specs)
        assert not is_duplicate(other, one)
        assert is_duplicate(other, other)


CONTENT = Spec(URL, headers=(("Content-Type", "text/plain"), ("X-A", "1")))


@pytest.mark.parametrize(
    ("spec", "body", "same"),
    [
        (CONTENT, b"{}", True),
        (replace(CONTENT, headers=CONTENT.headers[::-1]), b"{}", True),
        (replace(CONTENT, max_retries=0, labels=("a",)), b"{}", True),
        (CONTENT, b"{} ", False),
        (replace(CONTENT, url=URL + "?"), b"{}", False),
        (replace(CONTENT, headers=CONTENT.headers[:1]), b"{}", False),
        (replace(CONTENT, headers=(("Content-Type", "text/html"), ("X-A", "1"))), b"{}", False),
    ],
)
def test_content_is_destination_body_type_and_forwarded_headers(
    spec: Spec, body: bytes, same: bool
) -> None:
    first = keys(Draft(CONTENT, content_based_deduplication=True))
    assert (keys(Draft(spec, content_based_deduplication=True), body) == first) is same


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_different_bodies_are_never_duplicates(one: bytes, other: bytes) -> None:
    draft = Draft(CONTENT, content_based_deduplication=True)
    assert (keys(draft, one) == keys(draft, other)) is (one == other)


PLAN = Draft(CONTENT, content_based_deduplication=True, cron="* * * * *")


@pytest.mark.parametrize(
    ("draft", "destination", "body", "same"),
    [
        (PLAN, URL, b"{}", True),
        (replace(PLAN, spec=replace(CONTENT, max_retries=0)), URL, b"{}", True),
        (replace(PLAN, cron="0 * * * *"), URL, b"{}", False),
        (replace(PLAN, schedule_id="s"), URL, b"{}", False),
        (replace(PLAN, spec=Spec(URL)), URL, b"{}", False),
        (PLAN, "orders", b"{}", False),
        (PLAN, URL, b"", False),
    ],
)
def test_the_content_of_a_schedule_is_its_message_its_plan_and_its_id(
    draft: Draft, destination: str, body: bytes, same: bool
) -> None:
    first = deduplication.of_schedule(PLAN, URL, b"{}")
    later = deduplication.of_schedule(draft, destination, body)
    assert is_duplicate(later, first) is same


def test_an_id_of_a_schedule_is_none_of_a_message() -> None:
    draft = Draft(Spec(URL), deduplication_id="a", cron="* * * * *")
    planned = deduplication.of_schedule(draft, URL, b"")
    assert is_duplicate(planned, planned)
    assert not is_duplicate(planned, keys(draft, b""))
    assert not is_duplicate(keys(draft, b""), planned)
