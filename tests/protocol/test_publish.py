"""Every header of the publish request, its families and where it may come from, as tables."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import canonical
from qstash_dev.protocol.model import Callback, FlowControl, Headers, Spec
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.protocol.publish.readers import parse_flow
from qstash_dev.protocol.quota import QUOTAS

URL = "http://localhost:3000/api"
CB = "http://localhost:3000/cb"
PAYG = QUOTAS["payg"]
DAY_MS = 86_400_000


def draft(headers: dict[str, str] | None = None, **more: Any) -> Draft:
    return parse_draft(URL, tuple((headers or {}).items()), PAYG, **more)


def refusal(headers: dict[str, str], **more: Any) -> tuple[int, str]:
    with pytest.raises(QStashError) as refused:
        draft(headers, **more)
    return refused.value.status, refused.value.message


def test_without_headers_the_defaults_of_qstash_hold() -> None:
    assert draft() == Draft(Spec(url=URL, method="POST", headers=(), max_retries=3))


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("Upstash-Method", "put", "method", "PUT"),
        ("Upstash-Method", "GET", "method", "GET"),
        ("Upstash-Retries", "0", "max_retries", 0),
        ("Upstash-Retries", "5", "max_retries", 5),
        ("Upstash-Retry-Delay", "1000 * (1 + retried)", "retry_delay", "1000 * (1 + retried)"),
        ("Upstash-Timeout", "30s", "timeout_ms", 30_000),
        ("Upstash-Timeout", "30", "timeout_ms", 30_000),
        ("Upstash-Timeout", "1h30m3s", "timeout_ms", 5_403_000),
        ("Upstash-Label", "a", "labels", ("a",)),
        ("Upstash-Label", " a , b,,c ", "labels", ("a", "b", "c")),
        ("Upstash-Label", ",", "labels", ()),
        ("Upstash-Redact-Fields", "body, header[x-key]", "redact", ("body", "header[X-Key]")),
        ("Upstash-Queue-Name", "q_1.2-a", "queue", "q_1.2-a"),
        ("Upstash-Callback", CB + "?a=b&c", "callback", Callback(CB + "?a=b&c")),
        ("Upstash-Failure-Callback", CB, "failure_callback", Callback(CB)),
        ("UPSTASH-RETRIES", " 2 ", "max_retries", 2),
        ("upstash-retries", "", "max_retries", 3),
    ],
)
def test_a_header_sets_its_field_and_nothing_else(
    name: str, value: str, field: str, read: object
) -> None:
    made = draft({name: value})
    assert replace(made, given=frozenset()) == Draft(replace(Spec(URL), **{field: read}))


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("Upstash-Delay", "50s", "delay_ms", 50_000),
        ("Upstash-Delay", "1d10h30m", "delay_ms", 124_200_000),  # 86400 + 36000 + 1800 s
        ("Upstash-Delay", "60", "delay_ms", 60_000),
        ("Upstash-Delay", "365d", "delay_ms", 365 * DAY_MS),
        ("Upstash-Not-Before", "1787313600", "not_before", 1_787_313_600_000),
        ("Upstash-Not-Before", "1787313600.25", "not_before", 1_787_313_600_250),
        ("Upstash-Not-Before", "0", "not_before", 0),
        ("Upstash-Deduplication-Id", "order 1/é", "deduplication_id", "order 1/é"),
        ("Upstash-Content-Based-Deduplication", "true", "content_based_deduplication", True),
        ("Upstash-Content-Based-Deduplication", "True", "content_based_deduplication", True),
        ("Upstash-Content-Based-Deduplication", "false", "content_based_deduplication", False),
        ("Upstash-Cron", " */5 * * * * ", "cron", "*/5 * * * *"),
        ("Upstash-Schedule-Id", "daily.1", "schedule_id", "daily.1"),
    ],
)
def test_a_header_of_the_publish_itself_is_read(
    name: str, value: str, field: str, read: object
) -> None:
    made = draft({name: value})
    assert replace(made, given=frozenset()) == replace(Draft(Spec(URL)), **{field: read})


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({"Upstash-Method": "HEAD"}, 400, "invalid Upstash-Method header: 'HEAD' is not one of"),
        ({"Upstash-Delay": "5 minutes"}, 400, "invalid Upstash-Delay header: '5 minutes' is not"),
        ({"Upstash-Delay": "-5s"}, 400, "invalid Upstash-Delay header: '-5s'"),
        ({"Upstash-Delay": "366d"}, 412, "quota maxDelay exceeded, current limit: 31536000"),
        ({"Upstash-Not-Before": "tomorrow"}, 400, "invalid Upstash-Not-Before header: 'tomorrow'"),
        ({"Upstash-Retries": "6"}, 412, "quota maxRetries exceeded"),
        ({"Upstash-Retries": "1000000"}, 412, "quota maxRetries exceeded"),
        ({"Upstash-Retries": "-1"}, 400, "invalid Upstash-Retries header: '-1' is not a whole"),
        ({"Upstash-Retries": "1.5"}, 400, "invalid Upstash-Retries header: '1.5' is not a whole"),
        ({"Upstash-Retries": "٣"}, 400, "invalid Upstash-Retries header: '٣' is not a whole"),
        ({"Upstash-Retry-Delay": "exec(1)"}, 400, "invalid Upstash-Retry-Delay header: The retry"),
        ({"Upstash-Timeout": "0"}, 400, "invalid Upstash-Timeout header: it must be longer"),
        ({"Upstash-Timeout": "1w"}, 400, "invalid Upstash-Timeout header: '1w' is not"),
        ({"Upstash-Deduplication-Id": "a:b"}, 400, "DeduplicationId cannot contain ':'"),
        (
            {"Upstash-Content-Based-Deduplication": "yes"},
            400,
            "invalid Upstash-Content-Based-Deduplication header: 'yes' is not true or false",
        ),
        ({"Upstash-Header-Forward": "on"}, 400, "invalid Upstash-Header-Forward header: 'on'"),
        (
            {"Upstash-Callback": "localhost/cb"},
            400,
            "invalid callback url: endpoint has invalid scheme, add http:// or https://",
        ),
        ({"Upstash-Failure-Callback": "http://"}, 400, "invalid failure callback url: no host"),
        ({"Upstash-Redact-Fields": "all"}, 400, "invalid Upstash-Redact-Fields header: 'all'"),
        ({"Upstash-Schedule-Id": "a b"}, 400, "invalid Upstash-Schedule-Id header: 'a b' may only"),
        ({"Upstash-Queue-Name": "q/1"}, 400, "invalid Upstash-Queue-Name header: 'q/1' may only"),
        (
            {"Upstash-Flow-Control-Key": "k"},
            400,
            "Upstash-Flow-Control-Key needs an Upstash-Flow-Control-Value",
        ),
        (
            {"Upstash-Flow-Control-Value": "rate=1"},
            400,
            "Upstash-Flow-Control-Value needs an Upstash-Flow-Control-Key",
        ),
        ({"Upstash-Forward-": "x"}, 400, "invalid header name ''"),
        ({"Upstash-Callback": CB, "Upstash-Callback-Retries": "9"}, 412, "quota maxRetries"),
        ({"Upstash-Callback": CB, "Upstash-Callback-Delay": "400d"}, 412, "quota maxDelay"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_header(
    headers: dict[str, str], status: int, sentence: str
) -> None:
    found, message = refusal(headers)
    assert (found, message[: len(sentence)]) == (status, sentence)


def test_the_pro_plan_has_no_limit_of_retries_and_delay() -> None:
    headers = (("Upstash-Retries", "1000"), ("Upstash-Delay", "3650d"))
    made = parse_draft(URL, headers, QUOTAS["pro"])
    assert (made.spec.max_retries, made.delay_ms) == (1000, 3650 * DAY_MS)


@pytest.mark.parametrize(
    ("text", "flow"),
    [
        ("parallelism=3", FlowControl("k", 3)),
        ("rate=5", FlowControl("k", None, 5, 1)),
        ("rate=5,period=60", FlowControl("k", None, 5, 60)),
        ("parallelism=3, rate=5, period=1m", FlowControl("k", 3, 5, 60)),
        ("Period=1h30m3s , rate = 5", None),
        (" period = 1h30m3s , rate = 5,", FlowControl("k", None, 5, 5_403)),
        ("rate=1,period=7d", FlowControl("k", None, 1, 604_800)),
        ("period=5s", None),
        ("rate=0", None),
        ("parallelism=0", None),
        ("rate=1,period=0", None),
        ("rate=1,period=604801", None),
        ("rate=x", None),
        ("rate", None),
        ("speed=4", None),
        ("", None),
    ],
)
def test_flow_control_values(text: str, flow: FlowControl | None) -> None:
    if flow is not None:
        assert parse_flow("k", text, PAYG) == flow
        return
    with pytest.raises(QStashError, match="Upstash-Flow-Control-Value") as refused:
        parse_flow("k", text, PAYG)
    assert refused.value.status == 400


def test_a_flow_control_key_may_hold_any_character() -> None:
    made = draft({"Upstash-Flow-Control-Key": "user:1/é", "Upstash-Flow-Control-Value": "rate=2"})
    assert made.spec.flow == FlowControl("user:1/é", None, 2)


# Headers to deliver


@pytest.mark.parametrize(
    ("given_headers", "delivered"),
    [
        ([("Upstash-Forward-My-Header", "v")], (("My-Header", "v"),)),
        ([("upstash-forward-my-header", "v")], (("My-Header", "v"),)),
        ([("UPSTASH-FORWARD-X-A", " v ")], (("X-A", "v"),)),
        # repeated headers stay apart, in order
        (
            [("Upstash-Forward-A", "1"), ("Upstash-Forward-B", "2"), ("Upstash-Forward-A", "3")],
            (("A", "1"), ("B", "2"), ("A", "3")),
        ),
        ([("Upstash-Forward-A", "1,2")], (("A", "1,2"),)),
        ([("Upstash-Forward-A", "")], (("A", ""),)),
        # the prefix is taken off once
        ([("Upstash-Forward-Upstash-Label", "x")], (("Upstash-Label", "x"),)),
        ([("Upstash-Forward-Authorization", "Bearer app")], (("Authorization", "Bearer app"),)),
        # the content type comes from the plain header
        ([("content-type", "text/plain")], (("Content-Type", "text/plain"),)),
        (
            [("Content-Type", "text/plain"), ("Upstash-Forward-Content-Type", "text/html")],
            (("Content-Type", "text/plain"),),
        ),
        # nothing else is delivered
        (
            [
                ("Authorization", "Bearer token"),
                ("X-Custom", "1"),
                ("Upstash-Telemetry-Sdk", "upstash-qstash-js@v2"),
                ("Upstash-Message-Id", "msg_other"),
                ("Upstash-Signature", "x"),
            ],
            (),
        ),
    ],
)
def test_forwarded_headers_lose_their_prefix(
    given_headers: list[tuple[str, str]], delivered: Headers
) -> None:
    assert parse_draft(URL, given_headers, PAYG).spec.headers == delivered


def test_a_forwarded_content_type_is_not_used_and_the_developer_is_told() -> None:
    spec = draft({"Upstash-Forward-Content-Type": "text/html"}).spec
    assert spec.headers == ()
    assert any("Upstash-Forward-Content-Type" in notice for notice in spec.notices)


def test_header_forward_delivers_the_ordinary_headers_of_the_request() -> None:
    made = draft(
        {
            "Upstash-Header-Forward": "true",
            "Upstash-Forward-X-Mine": "forwarded",
            "x-mine": "ordinary",
            "x-github-event": "push",
            "content-type": "text/plain",
            "Authorization": "Bearer token",
            "Host": "127.0.0.1",
            "Content-Length": "5",
            "Transfer-Encoding": "chunked",
            "Connection": "keep-alive",
            "Upstash-Telemetry-Sdk": "x",
        }
    )
    assert made.spec.headers == (
        ("Content-Type", "text/plain"),
        ("X-Mine", "forwarded"),
        ("X-Github-Event", "push"),
    )


def test_header_forward_delivers_authorization_when_the_token_came_in_the_query() -> None:
    headers = {"Upstash-Header-Forward": "true", "Authorization": "Bearer of-the-app"}
    assert draft(headers).spec.headers == ()
    made = draft(headers, authorized_by_header=False)
    assert made.spec.headers == (("Authorization", "Bearer of-the-app"),)


# Families


@pytest.mark.parametrize("prefix", ["Upstash-Callback", "Upstash-Failure-Callback"])
@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("Method", "patch", "method", "PATCH"),
        ("Timeout", "10s", "timeout_ms", 10_000),
        ("Retries", "1", "retries", 1),
        ("Delay", "60", "delay_ms", 60_000),
        ("Retry-Delay", "retried * 5", "retry_delay", "retried * 5"),
        ("Forward-X-A", "b", "headers", (("X-A", "b"),)),
        ("Feature-Set", "LazyFetch", "retries", None),
        ("Workflow-RunId", "wfr_1", "retries", None),
        ("Failure-Callback", CB, "failure_callback", Callback(CB)),
    ],
)
def test_a_callback_family_configures_its_callback(
    prefix: str, name: str, value: str, field: str, read: object
) -> None:
    spec = draft({prefix: CB, f"{prefix}-{name}": value}).spec
    expected = replace(Callback(CB), **{field: read})
    if prefix == "Upstash-Callback":
        assert (spec.callback, spec.failure_callback) == (expected, None)
    else:
        assert (spec.callback, spec.failure_callback) == (None, expected)


def test_a_callback_has_flow_control_of_its_own() -> None:
    spec = draft(
        {
            "Upstash-Callback": CB,
            "Upstash-Callback-Flow-Control-Key": "k",
            "Upstash-Callback-Flow-Control-Value": "parallelism=1",
        }
    ).spec
    assert spec.callback == Callback(CB, flow=FlowControl("k", 1))
    assert spec.flow is None


def test_the_nested_family_is_another_one_than_those_around_it() -> None:
    spec = draft(
        {
            "Upstash-Callback": CB,
            "Upstash-Callback-Retries": "1",
            "Upstash-Callback-Failure-Callback": CB + "/nested",
            "Upstash-Callback-Failure-Callback-Retries": "2",
            "Upstash-Callback-Failure-Callback-Forward-X": "nested",
            "Upstash-Failure-Callback": CB + "/failed",
            "Upstash-Failure-Callback-Retries": "3",
            "Upstash-Failure-Callback-Forward-X": "failed",
        }
    ).spec
    nested = Callback(CB + "/nested", retries=2, headers=(("X", "nested"),))
    assert spec.callback == Callback(CB, retries=1, failure_callback=nested)
    assert spec.failure_callback == Callback(CB + "/failed", retries=3, headers=(("X", "failed"),))


def test_a_family_without_its_url_has_no_effect() -> None:
    made = draft({"Upstash-Callback-Retries": "1", "Upstash-Callback-Forward-X": "1"})
    assert made.spec.callback is None


def test_families_nested_without_end_are_refused() -> None:
    name, headers = "Upstash", {}
    for _ in range(300):  # as many as a head has room for
        name += "-Failure-Callback"
        headers[name] = CB
    status, message = refusal(headers)
    assert status == 400
    assert "Failure-Callback" in message


# Where a value comes from


@pytest.mark.parametrize(
    ("header", "config", "default", "retries"),
    [
        ("1", "2", "4", 1),
        (None, "2", "4", 2),
        (None, None, "4", 4),
        (None, None, None, 3),
        ("", "2", "4", 2),
        (" ", "", "4", 4),
        ("", "", "", 3),
    ],
)
def test_header_wins_over_query_over_group_over_built_in(
    header: str | None, config: str | None, default: str | None, retries: int
) -> None:
    def of(value: str | None, name: str) -> dict[str, str]:
        return {} if value is None else {name: value}

    made = draft(
        of(header, "Upstash-Retries"),
        config=of(config, "upstash-retries"),
        defaults=of(default, "upstash-retries"),
    )
    assert made.spec.max_retries == retries


def test_forwarded_headers_of_all_three_sources_are_delivered_once() -> None:
    made = draft(
        {"Upstash-Forward-A": "header"},
        config={"upstash-forward-a": "query", "upstash-forward-b": "query"},
        defaults={"upstash-forward-b": "group", "upstash-forward-c": "group"},
    )
    assert sorted(made.spec.headers) == [("A", "header"), ("B", "query"), ("C", "group")]


def test_a_forwarded_header_may_be_empty() -> None:
    made = draft(
        {"Upstash-Forward-A": "", "Upstash-Callback": CB, "Upstash-Callback-Forward-B": ""},
        config={"upstash-forward-a": "query"},
    )
    assert made.spec.headers == (("A", ""),)
    assert made.spec.callback == Callback(CB, headers=(("B", ""),))


def test_what_is_not_known_is_accepted_and_the_developer_is_told() -> None:
    spec = draft({"Upstash-Retires": "3", "Upstash-Telemetry-Sdk": "x", "Upstash-Region": "y"}).spec
    told = "header Upstash-Retires is not known and has no effect: did you mean Upstash-Retries?"
    assert spec == replace(Spec(URL), notices=(told,))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Retry", "Upstash-Retries"),
        ("On-Failure", "Upstash-Failure-Callback"),
        ("Idempotency-Key", "Upstash-Deduplication-Id"),
        ("Rate-Limit", "Upstash-Flow-Control-Value"),
        ("Delayed", "Upstash-Delay"),
        ("Schedule", "Upstash-Schedule-Id"),
        ("Labels", "Upstash-Label"),
    ],
)
def test_a_header_that_others_call_so_is_told_its_name(name: str, meant: str) -> None:
    told = f"header Upstash-{name} is not known and has no effect: did you mean {meant}?"
    assert draft({f"Upstash-{name}": "1"}).spec.notices == (told,)


@pytest.mark.parametrize("name", ["Priority", "Topic", "Body"])
def test_a_header_that_means_nothing_has_no_other_name(name: str) -> None:
    told = f"header Upstash-{name} is not known and has no effect"
    assert draft({f"Upstash-{name}": "1"}).spec.notices == (told,)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x-my-HEADER", "X-My-Header"),
        ("etag", "Etag"),
        ("a--b", "A--B"),
        ("x_y", "X_y"),
        ("not a token", "not a token"),
    ],
)
def test_names_are_written_as_go_writes_them(name: str, shown: str) -> None:
    assert canonical(name) == shown


# What could not be sent on


@pytest.mark.parametrize("bad", ["a\r\nInjected: x", "a\n", "a\0b", "\x01", "a\x7f", "\ud800"])
@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "Upstash-Forward-X",
        "Upstash-Flow-Control-Key",
        "Upstash-Label",
        "Upstash-Deduplication-Id",
        "Upstash-Callback-Forward-X",
    ],
)
def test_a_value_that_cannot_stand_in_a_request_is_refused(name: str, bad: str) -> None:
    flow = {"Upstash-Flow-Control-Value": "rate=1"} if "Flow" in name else {}
    # A line break at the end is trimmed like the white space around any value of our own.
    if bad.strip() != bad and name != "Content-Type":
        bad += "x"
    status, message = refusal({name: bad, "Upstash-Callback": CB, **flow})
    assert status == 400
    assert f"header {name}" in message


def test_a_retry_delay_with_a_line_break_is_refused() -> None:
    status, _ = refusal({"Upstash-Retry-Delay": "1 +\n2"})
    assert status == 400


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("Zo\udceb", "the byte 0xeb is no UTF-8, which is how fetch sends 'ë': encode the value"),
        ("\udc80", "the byte 0x80 is no UTF-8: encode the value"),
        ("a\ud800", "'\\ud800' cannot stand in a header"),
        ("a\x00", "'\\x00' cannot stand in a header"),
    ],
)
def test_a_forwarded_ordinary_header_must_be_sendable_too(value: str, why: str) -> None:
    status, message = refusal({"Upstash-Header-Forward": "1", "X-A": value})
    assert status == 400
    assert f"invalid value of header X-A: {why}" in message


NAMES = """
    method delay not-before retries retry-delay timeout deduplication-id callback label cron
    content-based-deduplication failure-callback header-forward flow-control-key queue-name
    flow-control-value redact-fields schedule-id forward- forward-x telemetry-sdk workflow-x
"""
PREFIXES = ("upstash-", "Upstash-Callback-", "upstash-failure-callback-")
VALUES = """
    1 0 6 true True 1s 366d 1e9 parallelism=1 rate=0 body header[a] a:b pow(retried,9) * */0 GET
"""
values = st.sampled_from(
    [*VALUES.split(), CB, "http://[", "\r\n", "é", "\ud800", "9" * 400, "(" * 200]
)
names = st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(NAMES.split())) | st.text(
    max_size=12
)
pairs = st.tuples(names, values | st.text(max_size=12))


@given(st.lists(pairs, max_size=8), st.dictionaries(names, values, max_size=3))
def test_any_headers_give_a_draft_or_a_refusal_with_a_sentence(
    headers: list[tuple[str, str]], config: dict[str, str]
) -> None:
    config = {name.lower(): value for name, value in config.items()}
    refused = None
    try:
        made = parse_draft(URL, headers, PAYG, config=config)
    except QStashError as error:
        refused = error
    if refused is not None:
        assert refused.status in (400, 412)
        assert len(refused.message.encode()) > 15
        return
    assert all(
        name.isascii() and not set(value) & set("\r\n\0") for name, value in made.spec.headers
    )
    assert msgspec.msgpack.encode(made.spec)


@example([], {"upstash-method": "\r\n"}, True)
@example([], {"upstash-forward-a": " a "}, True)
@example([("upstash-label", "")], {"upstash-label": "a"}, True)
@example([("X-A", "\ud800")], {}, True)
@given(
    st.lists(pairs | st.just(("Authorization", "Bearer t")), max_size=8),
    st.dictionaries(names, values, max_size=3),
    st.booleans(),
)
def test_what_a_schedule_for_a_group_was_asked_for_is_read_again_as_the_same(
    headers: list[tuple[str, str]], config: dict[str, str], by_header: bool
) -> None:
    config = {n.lower(): v for n, v in config.items() if n.lower().startswith("upstash-")}
    config["upstash-cron"] = "* * * * *"
    try:
        made = parse_draft("", headers, PAYG, config=config, authorized_by_header=by_header)
    except QStashError:
        return
    assert msgspec.msgpack.encode(made.asked)
    assert parse_draft("", made.asked, PAYG, authorized_by_header=False) == made


def test_only_a_schedule_for_a_group_keeps_what_it_was_asked_for() -> None:
    cron = {"Upstash-Cron": "* * * * *", "Authorization": "Bearer t", "X-A": "1"}
    assert draft(cron).asked == ()
    assert parse_draft("", (), PAYG).asked == ()
    assert parse_draft("", cron.items(), PAYG).asked == (
        ("upstash-cron", "* * * * *"),
        ("X-A", "1"),
    )


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        (
            {"Upstash-Callback-Url": "http://a.test"},
            "header Upstash-Callback-Url is not known and has no effect: the callback's URL is the "
            "value of Upstash-Callback",
        ),
        (
            {"Upstash-Failure-Callback-Retries": "1", "Upstash-Callback": "http://a.test"},
            "header Upstash-Failure-Callback-Retries has no effect without "
            "Upstash-Failure-Callback",
        ),
        (
            {"Upstash-Callback-Forward-X": "1"},
            "header Upstash-Callback-Forward-X has no effect without Upstash-Callback",
        ),
        (
            {"Upstash-Callback-Retires": "1", "Upstash-Callback": "http://a.test"},
            "header Upstash-Callback-Retires has no effect: it is not known",
        ),
        (
            {"Upstash-Callback-Cron": "* * * * *", "Upstash-Callback": "http://a.test"},
            "header Upstash-Callback-Cron has no effect: a callback has no such setting",
        ),
        (
            {"Upstash-Callback-Failure-Callback-Delay": "1s", "Upstash-Callback": "http://a.test"},
            "header Upstash-Callback-Failure-Callback-Delay has no effect without "
            "Upstash-Callback-Failure-Callback",
        ),
    ],
)
def test_what_is_said_of_a_callback_in_vain_is_told(headers: dict[str, str], sentence: str) -> None:
    assert draft(headers).spec.notices == (sentence,)


def test_settings_of_a_callback_that_is_asked_for_are_not_marked() -> None:
    names = ("Method", "Timeout", "Retries", "Delay", "Retry-Delay", "Feature-Set", "Forward-X")
    values = ("PUT", "5s", "1", "1s", "1000", "x", "y")
    for family in ("Upstash-Callback", "Upstash-Failure-Callback"):
        headers = {f"{family}-{n}": v for n, v in zip(names, values, strict=True)}
        assert draft({family: "http://a.test", **headers}).spec.notices == ()


def test_callbacks_that_a_workflow_sdk_sets_up_without_asking_for_them_are_not_marked() -> None:
    headers = {"Upstash-Failure-Callback-Retries": "1", "Upstash-Workflow-Sdk-Version": "1"}
    assert draft(headers).spec.notices == ()


def test_plain_headers_that_are_not_forwarded_are_remembered() -> None:
    given = {"X-Api-Key": "k", "X-Forwarded-For": "1.1.1.1", "x-vercel-id": "1", "Accept": "*/*"}
    assert draft(given).spec.unforwarded == ("X-Api-Key",)
    assert draft({**given, "Upstash-Header-Forward": "true"}).spec.unforwarded == ()
