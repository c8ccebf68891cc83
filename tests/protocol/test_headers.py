"""Headers: found in any spelling, and none of another connection's passed on."""

from qstash_dev.protocol.headers import (
    HOP_BY_HOP,
    NEVER_FORWARDED,
    OF_A_REQUEST,
    OF_AN_ANSWER,
    all_of,
    first,
    joined,
    names_of,
    only,
    without,
)

GIVEN = (("X-A", "1"), ("content-TYPE", "text/plain"), ("x-a", "2"))


def test_names_are_found_in_any_spelling() -> None:
    assert first(GIVEN, "content-type") == "text/plain"
    assert first(GIVEN, "x-b") is None
    assert all_of(GIVEN, "x-a") == ["1", "2"]
    assert names_of(GIVEN) == {"x-a", "content-type"}


def test_headers_are_parted_by_name_and_keep_their_order() -> None:
    assert without(GIVEN, {"content-type"}) == (("X-A", "1"), ("x-a", "2"))
    assert only(GIVEN, {"content-type"}) == (("content-TYPE", "text/plain"),)


def test_values_of_one_name_are_joined_as_http_has_it() -> None:
    assert joined((("A", "1"), ("B", "2"), ("A", "3"))) == {"A": "1, 3", "B": "2"}


def test_what_belongs_to_one_connection_is_passed_on_by_nobody() -> None:
    assert {"connection", "keep-alive", "transfer-encoding", "upgrade", "te"} <= HOP_BY_HOP
    assert NEVER_FORWARDED > HOP_BY_HOP < OF_AN_ANSWER
    assert OF_A_REQUEST > NEVER_FORWARDED
