"""The filter language: every form of every key, every mistake with its suggestion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.filters import (
    COMPARED,
    FLAGS,
    SOURCES,
    STATES,
    Filter,
    FilterError,
    HeaderValue,
    Span,
    Term,
    Text,
    Value,
    Words,
    parse_filter,
)


def text(*pieces: str) -> Text:
    return Text(pieces)


def one(source: str) -> Term:
    (term,) = parse_filter(source).terms
    return term


@pytest.mark.parametrize("source", ["", "   ", "\t\n"])
def test_an_empty_filter_selects_everything(source: str) -> None:
    assert parse_filter(source) == Filter(())


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        ("orders", "word", text("orders")),
        ("/api/orders", "word", text("/api/orders")),
        ('"user 42"', "word", text("user 42")),
        ('"dest:x"', "word", text("dest:x")),
        ('"-x"', "word", text("-x")),
        ('""', "word", text("")),
        ("dest:/api/orders", "dest", text("/api/orders")),
        ("dest:http://localhost:3000/x?a=b", "dest", text("http://localhost:3000/x?a=b")),
        ("dest:/api/*/mail", "dest", text("/api/", "/mail")),
        ('dest:"/a*b"', "dest", text("/a*b")),
        ('dest:/x"*"y*', "dest", text("/x*y", "")),
        ('body:"user 42"', "body", text("user 42")),
        (r'body:"say \"hi\" \\ \n"', "body", text(r'say "hi" \ \n')),
        (r"body:a\b", "body", text(r"a\b")),
        ('body:"a|b"', "body", text("a|b")),
        ("DEST:x", "dest", text("x")),
        ("header:x-tenant=acme", "header", HeaderValue("x-tenant", text("acme"))),
        ("header:X-Tenant", "header", HeaderValue("x-tenant", None)),
        ("header:x-tenant=", "header", HeaderValue("x-tenant", text(""))),
        ("header:a=b=c", "header", HeaderValue("a", text("b=c"))),
        ('header:x-tenant="acme corp"', "header", HeaderValue("x-tenant", text("acme corp"))),
        ("header:content-type=*json*", "header", HeaderValue("content-type", text("", "json", ""))),
        ("queue:mail", "queue", text("mail")),
        ("schedule:*", "schedule", text("", "")),
        ("label:x", "label", text("x")),
        ("group:g", "group", text("g")),
        ("flow:k", "flow", text("k")),
        ("id:msg_26", "id", text("msg_26")),
        ("code:500", "code", Span(500, 500)),
        ("code:=500", "code", Span(500, 500)),
        ("code:5xx", "code", Span(500, 599)),
        ("code:5XX", "code", Span(500, 599)),
        ("code:>=400", "code", Span(400, None)),
        ("code:>400", "code", Span(401, None)),
        ("code:<=299", "code", Span(None, 299)),
        ("code:<300", "code", Span(None, 299)),
        ("code:400-499", "code", Span(400, 499)),
        ("code:none", "code", Words(("none",))),
        ("try:2", "try", Span(2, 2)),
        ("try:>1", "try", Span(2, None)),
        ("try:2-4", "try", Span(2, 4)),
        ("try:0", "try", Span(0, 0)),
        ("age:<5m", "age", Span(None, 299_999)),
        ("age:5m", "age", Span(None, 300_000)),
        ("age:>1h", "age", Span(3_600_001, None)),
        ("age:5m-1h30m", "age", Span(300_000, 5_400_000)),
        ("age:90", "age", Span(None, 90_000)),
        ("state:failed", "state", Words(("failed",))),
        ("state:OK", "state", Words(("delivered",))),
        ("state:cancelled", "state", Words(("canceled",))),
        ("state:finished", "state", Words(("delivered", "failed", "canceled"))),
        ("source:cloud", "source", Words(("cloud",))),
        ("source:dlq", "source", Words(("dlq-retry",))),
        ("source:failure-callback", "source", Words(("failure-callback",))),
        ("is:held", "is", Words(("held",))),
    ],
)
def test_a_term_is_read(source: str, key: str, value: Value) -> None:
    assert one(source) == Term(key, (value,))
    assert one("-" + source) == Term(key, (value,), negated=True)


@pytest.mark.parametrize("stars", ["*", "**", "*" * 100])
def test_stars_side_by_side_are_one(stars: str) -> None:
    assert one(f"dest:{stars}").values == (text("", ""),)
    assert one(f"a{stars}b").values == (text("a", "b"),)


@pytest.mark.parametrize("source", ["*" * 1_000, "dest:" + "*a" * 101, "header:x=" + "*" * 101])
def test_more_stars_than_anybody_means_are_refused_in_a_sentence(source: str) -> None:
    with pytest.raises(FilterError, match="more than 100 stars"):
        parse_filter(source)


def test_a_long_row_of_bars_is_refused_in_a_sentence() -> None:
    with pytest.raises(FilterError, match="more than 300 conditions"):
        parse_filter("|".join("a" * 1_999))


def test_a_bar_is_or_within_a_value() -> None:
    assert one("state:failed|retry").values == (Words(("failed",)), Words(("retry",)))
    assert one("code:404|5xx").values == (Span(404, 404), Span(500, 599))
    assert one('a|"b|c"').values == (text("a"), text("b|c"))
    assert len(one("is:held|marked|replay|external").values) == 4


def test_a_space_is_and() -> None:
    terms = parse_filter('state:failed dest:/api  -code:5xx "user 42" try:>1').terms
    assert [(term.key, term.negated) for term in terms] == [
        ("state", False),
        ("dest", False),
        ("code", True),
        ("word", False),
        ("try", False),
    ]


def test_local_means_every_source_but_the_cloud() -> None:
    (local,) = one("source:local").values
    assert isinstance(local, Words)
    assert set(local.names) | {"cloud"} == {name for names in SOURCES.values() for name in names}
    assert "cloud" not in local.names


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("stat:failed", "state"),
        ("sate:failed", "state"),
        ("url:/api", "dest"),
        ("status:500", "code"),
        ("topic:x", "group"),
        ("attempt:2", "try"),
        ("headers:x", "header"),
        ("lable:x", "label"),
        ("state:fialed", "state:failed"),
        ("state:deliverd", "state:delivered"),
        ("-state:retri", "state:retry"),
        ("source:clud", "source:cloud"),
        ("is:helt", "is:held"),
    ],
)
def test_a_typing_mistake_gets_a_suggestion(source: str, suggestion: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_filter(source)
    assert refused.value.suggestion == suggestion
    assert f"Did you mean {suggestion!r}?" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("zzz:1", "expected one of age, body, code,"),
        ("http://localhost:3000", "There is no filter key 'http'"),
        (":x", "There is no filter key ''"),
        ("word:x", "There is no filter key 'word'"),
        ("state:", "The key state has an empty value"),
        ("state:failed|", "The key state has an empty value"),
        ("a||b", "The text has an empty value"),
        ("state:zzz", "'zzz' is no value of state: expected one of delayed,"),
        ("state:fail*", "'fail*' is no value of state"),
        ("-", "nothing after '-'"),
        ('body:"user', "quote is not closed"),
        ('body:"user\\', "quote is not closed"),
        ("code:abc", "'abc' is no status code: expected 500, 5xx, >=400 or none."),
        ("code:6xx", "'6xx' is no status code"),
        ("code:42", "'42' is no status code"),
        ("code:>", "'>' is no status code"),
        ("code:400-", "'400-' is no status code"),
        ('code:""', "'' is no status code"),
        ("code:٥٠٠", "is no status code"),
        ("try:many", "'many' is no number of attempts"),
        ("try:-1", "'-1' is no number of attempts"),
        ("try:99999999999999999999", "is no number of attempts"),
        ("age:old", "'old' is no age: expected <5m"),
        ("age:<5w", "'<5w' is no age"),
        ("header:=x", "'' is not a header name"),
        ("header:x*=1", "'x*' is not a header name"),
        ('header:"x y"', "'x y' is not a header name"),
        ("x" * 5_000, "longer than 4000 characters"),
    ],
)
def test_a_mistake_is_explained_in_a_sentence(source: str, words: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_filter(source)
    assert words in str(refused.value)


@given(st.text(max_size=100))
def test_any_text_is_a_filter_or_a_filter_error(source: str) -> None:
    try:
        parse_filter(source)
    except FilterError:
        return


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_quoted_text_is_taken_as_it_is(words: list[str]) -> None:
    def quote(word: str) -> str:
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'

    source = " ".join(f"body:{quote(word)}" for word in words)
    assert [term.values for term in parse_filter(source).terms] == [(text(word),) for word in words]


def test_every_word_of_every_table_can_be_used() -> None:
    for key, known in (("state", STATES), ("source", SOURCES), ("is", FLAGS)):
        for word, names in known.items():
            assert one(f"{key}:{word}").values == (Words(names),)


def test_every_key_that_takes_text_says_how_it_is_compared() -> None:
    for key in COMPARED:
        (value,) = one("x" if key == "word" else f"{key}:x").values
        assert isinstance(value, Text | HeaderValue)
