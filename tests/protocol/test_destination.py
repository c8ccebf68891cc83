"""Every form in which a destination comes, as a table; and no input gets through as anything else."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.destination import (
    check_url,
    destination_text,
    parse_destination,
    split_query,
)
from qstash_dev.protocol.errors import QStashError

BAD_SCHEME = "invalid destination url: endpoint has invalid scheme, add http:// or https://"
EMPTY = "a non-empty destination must be provided"


@pytest.mark.parametrize(
    ("remainder", "query", "url"),
    [
        ("https://host/p", "", "https://host/p"),
        ("https://host/p", "x=1", "https://host/p?x=1"),
        # kept byte for byte
        ("http://example.com", "", "http://example.com"),
        ("http://example.com/", "", "http://example.com/"),
        ("http://localhost:3000//first", "", "http://localhost:3000//first"),
        ("http://localhost/a/../b/./c", "", "http://localhost/a/../b/./c"),
        ("http://localhost/a/123/", "a=b", "http://localhost/a/123/?a=b"),
        ("http://host/a%2Fb%20c", "d=%2F&e", "http://host/a%2Fb%20c?d=%2F&e"),
        ("HTTPS://Host/P", "", "HTTPS://Host/P"),
        ("http://[::1]:3000/x", "", "http://[::1]:3000/x"),
        ("http://host/p", "a=1&&b=2&a=3", "http://host/p?a=1&&b=2&a=3"),
        # a slash that a proxy swallowed
        ("https:/host/p", "x=1", "https://host/p?x=1"),
        ("http:/host", "", "http://host"),
        # percent-encoded as a whole, and only then decoded
        ("https%3A%2F%2Fhost%2Fp", "", "https://host/p"),
        ("https%3a%2f%2fhost%2fp%3fa%3d1", "b=2", "https://host/p?a=1&b=2"),
        ("http%3A//host/p%20q", "", "http://host/p%20q"),
        ("http%3A%2Fhost", "", "http://host"),
        ("http://host/https%3A%2F%2Fother", "", "http://host/https%3A%2F%2Fother"),
        # what belongs to QStash leaves the query, the rest keeps order and encoding
        ("http://host/p", "qstash_token=abc", "http://host/p"),
        ("http://host/p", "a=%41&QSTASH_TOKEN=t&upstash-retries=3&b=+", "http://host/p?a=%41&b=+"),
        ("http://host/p", "Upstash-Delay=5s&x=1", "http://host/p?x=1"),
        ("http://host/p", "upstash%2Dretries=1", "http://host/p"),
        # what cannot stand in a request line is escaped, nothing else
        ("http://host/a b", "", "http://host/a%20b"),
        ("http://host/é", "", "http://host/%C3%A9"),
        ("http://host/\udcff", "", "http://host/%FF"),
        ("http%3A%2F%2Fhost%2F%0A%00", "", "http://host/%0A%00"),
    ],
)
def test_a_url_is_taken_as_it_was_sent(remainder: str, query: str, url: str) -> None:
    destination = parse_destination(remainder, query)
    assert (destination.url, destination.group) == (url, None)


@pytest.mark.parametrize("name", ["orders", "my-Group_1.2", "0", "https", "http.example"])
def test_a_name_without_scheme_is_a_url_group(name: str) -> None:
    destination = parse_destination(name, "upstash-delay=5s&x=1")
    assert (destination.url, destination.group) == (None, name)
    assert destination.config == {"upstash-delay": "5s"}
    assert parse_destination(f"{name}/", "upstash-delay=5s&x=1") == destination


@pytest.mark.parametrize(
    ("remainder", "sentence"),
    [
        ("", EMPTY),
        ("example.com/path", BAD_SCHEME),
        ("group//", BAD_SCHEME),
        ("/group", BAD_SCHEME),
        ("ftp://host/p", BAD_SCHEME),
        ("://host", BAD_SCHEME),
        ("httpx://host", BAD_SCHEME),
        ("my group", BAD_SCHEME),
        ("my%20group", BAD_SCHEME),
        ("gr\udcffoup", BAD_SCHEME),
        ("javascript:alert(1)", BAD_SCHEME),
        ("http://", "invalid destination url: no host in 'http://'"),
        ("http:///path", "invalid destination url: no host in 'http:///path'"),
        ("http://:80/", "invalid destination url: no host in 'http://:80/'"),
        ("http://a[::1]b/", "invalid destination url: Invalid IPv6 URL: 'http://a[::1]b/'"),
    ],
)
def test_what_is_no_destination_is_refused_in_the_words_of_qstash(
    remainder: str, sentence: str
) -> None:
    with pytest.raises(QStashError) as refused:
        parse_destination(remainder, "")
    assert (refused.value.status, refused.value.message) == (400, sentence)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://%ff.test/", "no name has '\\ufffd' in it"),
        ("http://a%20b.test/", "no name has ' ' in it"),
        ("http://a<b>.test/", "no name has '<' in it"),
        ("http://a..test/", "a part between its dots is empty"),
        (f"http://{'a' * 64}.test/", "longer than 63 characters"),
        (f"http://{'.'.join(['a' * 60] * 5)}/", "longer than 253 characters"),
        ("http://999.1.1.1/", "it ends in a number, but is no IPv4 address"),
        ("http://1.2.3.4.5/", "it ends in a number, but is no IPv4 address"),
        ("http://localhost:0/", "nothing can listen on port 0"),
    ],
)
def test_a_host_that_no_client_can_dial_is_refused(url: str, why: str) -> None:
    with pytest.raises(QStashError) as refused:
        parse_destination(url, "")
    assert refused.value.status == 400
    assert why in refused.value.message


@pytest.mark.parametrize(
    "host",
    ["a_b.test", "-x-", "xn--bcher-kva.test", "b\u00fccher.test", "127.1", "0x7f.1", "host.test."],
)
def test_an_unusual_host_that_clients_can_dial_is_taken(host: str) -> None:
    assert parse_destination(f"http://{host}/", "").url is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://undefined/api/x",
        "http://null:3000/x",
        "http://None/x",
        "http://NaN/",
        "https://$%7BAPP_URL%7D/x",
        "https://${host}.example.com/x",
        "https://process.env.APP_URL/x",
        "https://undefined.example.com/x",
        "https://[object Object]/x",
        "http://localhost:undefined/x",
        "http://localhost:3000undefined/x",
        "http://localhost:null/x",
    ],
)
def test_what_an_empty_variable_left_in_a_url_is_named(url: str) -> None:
    with pytest.raises(QStashError, match="a variable of the app was empty") as refused:
        destination_text(url)
    assert refused.value.status == 400


@pytest.mark.parametrize("url", ["http://h:70000/", "http://h:x/", "http://[::1/", "http://[x]/"])
def test_an_impossible_host_or_port_is_refused_with_the_url(url: str) -> None:
    with pytest.raises(QStashError) as refused:
        parse_destination(url, "")
    assert refused.value.status == 400
    assert refused.value.message.startswith("invalid destination url: ")
    assert url in refused.value.message


def test_the_deprecated_llm_destination_says_so() -> None:
    with pytest.raises(QStashError, match="api/llm is deprecated"):
        parse_destination("api/llm", "")


def test_configuration_in_the_query_is_decoded_under_lower_case_names() -> None:
    query = "Upstash-Forward-A=b%20c+d&upstash-header-forward=true&x=1&upstash-label"
    config, kept = split_query(query)
    assert kept == "x=1"
    assert config == {
        "upstash-forward-a": "b c d",
        "upstash-header-forward": "true",
        "upstash-label": "",
    }


def test_a_callback_url_is_named_as_such_when_it_is_refused() -> None:
    with pytest.raises(QStashError) as refused:
        check_url("localhost:3000/cb", "callback")
    assert refused.value.message == (
        "invalid callback url: endpoint has invalid scheme, add http:// or https://"
    )


@pytest.mark.parametrize(
    ("text", "url", "group"),
    [
        ("https://host/p?x=1&upstash-retries=3", "https://host/p?x=1&upstash-retries=3", None),
        ("https:/host", "https://host", None),
        ("orders", None, "orders"),
    ],
)
def test_a_destination_in_json_is_text_without_configuration(
    text: str, url: str | None, group: str | None
) -> None:
    destination = destination_text(text)
    assert (destination.url, destination.group, destination.config) == (url, group, {})


@pytest.mark.parametrize("text", ["", "  "])
def test_a_blank_destination_in_json_is_refused(text: str) -> None:
    with pytest.raises(QStashError) as refused:
        destination_text(text)
    assert (refused.value.status, refused.value.message) == (400, EMPTY)


anything = st.text(max_size=40) | st.text("htps:/%3AF2?&=.\udcff ", max_size=40)


@given(anything | anything.map("http://".__add__), anything)
def test_any_input_gives_a_sendable_url_a_group_name_or_a_400(text: str, query: str) -> None:
    for read in (lambda: parse_destination(text, query), lambda: destination_text(text)):
        refused = None
        try:
            destination = read()
        except QStashError as error:
            refused = error
        if refused is not None:
            assert refused.status == 400
            assert len(refused.message.encode()) > 20
        elif destination.url is None:
            assert destination.group
        else:
            assert destination.url.isascii()
            assert destination.url.isprintable()
            assert " " not in destination.url
            assert destination.url.lower().startswith(("http://", "https://"))
            assert urlsplit(destination.url).hostname


@given(st.lists(st.text("abc%20+=;\udcff", max_size=8), max_size=5))
def test_a_query_without_configuration_is_kept_byte_for_byte(parts: list[str]) -> None:
    query = "&".join(parts)
    assert split_query(query) == ({}, query)
