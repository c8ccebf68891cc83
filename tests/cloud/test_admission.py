"""Who comes in through the tunnel, and what is made of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qstash_dev.cloud.admission import (
    AT_CLOUD,
    Admission,
    Arrival,
    Gate,
    Refusal,
    begin,
    check_body,
    judge,
    local_message,
    message_id,
    request,
    resigned,
    settled,
)
from qstash_dev.protocol.model import Attempt, Kind, Reason, Response, SendFailure, State, Timing
from qstash_dev.protocol.signature import body_hash, inspect, sign
from qstash_dev.protocol.urls import KeptHosts

NOW_S = 1_800_000_000
NOW = NOW_S * 1000
PUBLIC = "https://mine.ngrok-free.app"
KEYS = ("sig_cloud_current", "sig_cloud_next")
GATE = Gate(PUBLIC, "http://localhost:3000", keys=KEYS)
TOLD = (("X-Forwarded-Host", "mine.ngrok-free.app"), ("X-Forwarded-Proto", "https"))


def arrival(
    target: str = "/api/x?a=1",
    body: bytes = b"{}",
    *,
    key: str = KEYS[0],
    sub: str | None = None,
    now_s: int = NOW_S,
    host: str = "mine.ngrok-free.app",
    signed_body: bytes | None = None,
    **more: str,
) -> Arrival:
    """A delivery as the cloud makes it, with one thing wrong at most."""
    url = PUBLIC + target if sub is None else sub
    token = sign(url, body if signed_body is None else signed_body, key, now_s, "jwt_1")
    extra = tuple((name.replace("_", "-"), value) for name, value in more.items())
    headers = (("Host", host), ("Upstash-Signature", token), ("Upstash-Message-Id", "msg_c"))
    return Arrival("POST", target, headers + extra, body)


def decide(what: Arrival, gate: Gate = GATE, used: tuple[str, ...] = ()) -> Admission | Refusal:
    verdict = judge(what, gate, NOW_S)
    if isinstance(verdict, Refusal):
        return verdict
    return check_body(verdict, what.body, gate, NOW_S, used.__contains__) or verdict


@pytest.mark.parametrize("key", KEYS)
def test_a_delivery_signed_by_either_cloud_key_comes_in(key: str) -> None:
    came = arrival(key=key)
    assert decide(came) == Admission(
        "http://localhost:3000/api/x?a=1",
        "http://localhost:3000/api/x?a=1",
        resign=False,
        told=TOLD,
        token=came.header("upstash-signature"),
        jti="jwt_1",
        expires_s=NOW_S + 300,
        body_claim=body_hash(b"{}"),
    )


def test_a_bare_host_is_signed_without_the_slash_that_arrives() -> None:
    assert isinstance(decide(arrival("/", sub=PUBLIC)), Admission)


ATTACKS: dict[str, tuple[Arrival, int, str]] = {
    "forged": (arrival(key="sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"), 401, "neither the current"),
    "expired": (arrival(now_s=NOW_S - 301), 401, "expired"),
    "not a token": (
        Arrival("POST", "/", (("Host", "mine.ngrok-free.app"), ("Upstash-Signature", "x")), b""),
        401,
        "not a JWT",
    ),
    "stripped": (Arrival("POST", "/", (("Host", "mine.ngrok-free.app"),), b""), 401, "no Upstash-"),
    "another body": (arrival(signed_body=b"{ }"), 401, "body"),
    "another path": (arrival("/api/admin", sub=f"{PUBLIC}/api/x"), 401, "signed for"),
    "another query": (arrival("/api/x?a=2", sub=f"{PUBLIC}/api/x?a=1"), 401, "signed for"),
    "dots": (arrival("/api/x/../admin", sub=f"{PUBLIC}/api/admin"), 401, "signed for"),
    "encoded dots": (arrival("/api/%2e%2e/admin", sub=f"{PUBLIC}/admin"), 401, "signed for"),
    "double slash": (arrival("//api/x", sub=f"{PUBLIC}/api/x"), 401, "signed for"),
    "another host signed": (arrival("/x", sub="https://evil.example/x"), 401, "signed for"),
    "absolute form": (arrival("http://localhost:8080/v2/keys"), 400, "not a path"),
    "asterisk": (arrival("*"), 400, "not a path"),
    "another host": (arrival(host="localhost:8080"), 421, "for the host"),
    "no host": (arrival(host=""), 421, "for the host"),
    "a far destination": (
        arrival("/.qstash-dev/to/http/169.254.169.254/latest"),
        403,
        "not on this",
    ),
    "a far destination by userinfo": (
        arrival("/.qstash-dev/to/http/localhost@evil.example/"),
        403,
        "not on this",
    ),
}


@pytest.mark.parametrize(("came", "status", "words"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_refused_with_the_reason(came: Arrival, status: int, words: str) -> None:
    refusal = decide(came)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert words in refusal.reason


def test_a_signature_works_once() -> None:
    refusal = decide(arrival(), used=("jwt_1",))
    assert isinstance(refusal, Refusal)
    assert "used before" in refusal.reason


def test_an_unsigned_token_of_no_algorithm_is_refused() -> None:
    """`alg: none` and a token whose signature part is empty."""
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    claims = (arrival().header("upstash-signature") or "").split(".")[1]
    headers = (("Host", "mine.ngrok-free.app"), ("Upstash-Signature", f"{none}.{claims}."))
    assert isinstance(decide(Arrival("POST", "/api/x?a=1", headers, b"{}")), Refusal)


_anything = st.text(st.characters())  # with lone surrogates: bytes that are no text


@given(target=_anything, host=_anything, token=_anything, body=st.binary(max_size=50))
def test_whatever_is_sent_is_refused_and_breaks_nothing(
    target: str, host: str, token: str, body: bytes
) -> None:
    headers = (("Host", host), ("Upstash-Signature", token), ("X-Forwarded-Host", host))
    for name in (host, "mine.ngrok-free.app"):
        came = Arrival("POST", target, (("Host", name), *headers[1:]), body)
        assert isinstance(decide(came), Refusal)


def test_without_known_keys_nothing_signed_comes_in() -> None:
    refusal = decide(arrival(), replace(GATE, keys=None))
    assert isinstance(refusal, Refusal)
    assert "QSTASH_CLOUD_CURRENT_SIGNING_KEY" in refusal.reason


def test_an_open_gate_lets_in_what_is_not_signed_but_nothing_wrongly_signed() -> None:
    gate = replace(GATE, is_open=True)
    unsigned = Arrival("GET", "/page", (("Host", "mine.ngrok-free.app"),), b"")
    url = "http://localhost:3000/page"
    assert decide(unsigned, gate) == Admission(url, url, resign=False, told=TOLD)
    assert isinstance(decide(arrival(key="sig_other"), gate), Refusal)


def test_an_open_gate_still_leads_to_this_machine_only() -> None:
    target = "/.qstash-dev/to/https/example.com/"
    came = Arrival("GET", target, (("Host", "mine.ngrok-free.app"),), b"")
    assert isinstance(decide(came, replace(GATE, is_open=True)), Refusal)


def test_a_server_that_is_given_as_its_own_app_lets_nobody_in() -> None:
    gate = replace(GATE, is_open=True, own_ports=frozenset({3000}))
    unsigned = Arrival("GET", "/v2/keys", (("Host", "mine.ngrok-free.app"),), b"")
    for came in (unsigned, arrival()):
        refusal = decide(came, gate)
        assert isinstance(refusal, Refusal)
        assert "this very server" in refusal.reason


def test_a_tunnel_that_sets_the_host_of_the_upstream_names_the_public_host_beside_it() -> None:
    came = arrival(host="localhost:9999", X_Forwarded_Host="mine.ngrok-free.app")
    assert isinstance(decide(came), Admission)
    came = arrival(host="evil.example", X_Forwarded_Host="mine.ngrok-free.app")
    assert isinstance(decide(came), Refusal)


@pytest.mark.parametrize(
    ("target", "resign", "expected"),
    [
        ("/.qstash-dev/to/http/localhost:4000/x", "auto", ("http://localhost:4000/x", True)),
        ("/.qstash-dev/to/http/localhost:4000/x", "never", ("http://localhost:4000/x", False)),
        ("/x", "auto", ("http://localhost:3000/x", False)),
        ("/x", "always", ("http://localhost:3000/x", True)),
        ("//first", "auto", ("http://localhost:3000//first", False)),
        ("/pay/1", "auto", ("http://localhost:5000/1", False)),
        ("/payment", "auto", ("http://localhost:3000/payment", False)),
        ("/deep/1", "auto", ("http://localhost:6000/1", False)),
        ("/.qstash-dev/to/https/shop.example/x", "auto", ("https://shop.example/x", True)),
    ],
)
def test_the_way_of_a_delivery_follows_its_path(
    target: str, resign: str, expected: tuple[str, bool]
) -> None:
    routes = (
        (f"{PUBLIC}/pay", "http://localhost:5000"),
        (f"{PUBLIC}/deep", "http://localhost:6000"),
        ("https://shop.example", "http://localhost:7000"),
    )
    admitted = decide(arrival(target), replace(GATE, resign=resign, routes=routes))
    assert isinstance(admitted, Admission)
    assert (admitted.url, admitted.resign) == expected


def recorded(came: Arrival) -> Any:
    return local_message(
        came, "http://localhost:3000/x", "defaultUser", NOW, message_id(came) or "msg_new"
    )


def test_a_delivery_is_recorded_under_the_id_of_the_cloud() -> None:
    came = arrival(
        Upstash_Max_Retries="5",
        Upstash_Schedule_Id="scd_1",
        Upstash_Topic_Name="group",
        Upstash_Caller_Ip="1.2.3.4",
        content_type="application/json",
        x_custom="kept",
        X_Forwarded_For="1.2.3.4",
        Accept_Encoding="gzip",
    )
    message = recorded(came)
    assert (message.id, message.held, message.state) == ("msg_c", AT_CLOUD, State.CREATED)
    spec = message.spec
    assert (spec.kind, spec.url, spec.max_retries) == (Kind.CLOUD, "http://localhost:3000/x", 5)
    assert (spec.schedule_id, spec.topic, spec.caller_ip) == ("scd_1", "group", "1.2.3.4")
    assert spec.headers == (("Content-Type", "application/json"), ("X-Custom", "kept"))


def test_a_callback_is_linked_to_the_message_it_tells_of() -> None:
    body = json.dumps({"status": 200, "sourceMessageId": "msg_source"}).encode()
    assert recorded(arrival(body=body)).spec.parent_id == "msg_source"


@pytest.mark.parametrize("body", [b'"sourceMessageId"', b'{"sourceMessageId": 1}', b"\xff"])
def test_a_body_that_only_looks_like_a_callback_has_no_parent(body: bytes) -> None:
    assert recorded(arrival(body=body)).spec.parent_id is None


def outcome_of(status: int | None, message: Any) -> Attempt:
    timing = Timing(NOW)
    outcome = (
        SendFailure(Reason.REFUSED, "connection refused", timing)
        if status is None
        else Response(status, (), b"", timing)
    )
    return Attempt(message.id, message.attempts, "http://localhost:3000/x", (), outcome)


@pytest.mark.parametrize(
    ("status", "retried", "state"),
    [
        (200, "0", State.DELIVERED),
        (500, "0", State.RETRY),
        (None, "2", State.RETRY),
        (500, "3", State.FAILED),
    ],
)
def test_an_attempt_is_settled_without_dead_letters_callbacks_or_retries_of_ours(
    status: int | None, retried: str, state: State
) -> None:
    came = arrival(Upstash_Retried=retried)
    [active] = begin(recorded(came), came, NOW).changed
    change = settled(active, outcome_of(status, active), NOW)
    [message] = change.changed
    assert (message.state, message.attempts, message.held) == (state, 1, AT_CLOUD)
    assert (change.created, change.dead) == ((), ())


def test_the_cloud_may_try_again_what_seemed_to_be_over() -> None:
    came = arrival(Upstash_Retried="1")
    over = replace(recorded(came), state=State.DELIVERED, finished_at=NOW, attempts=1)
    [active] = begin(over, came, NOW).changed
    assert (active.state, active.finished_at, active.retried, active.attempts) == (
        State.ACTIVE,
        None,
        1,
        2,
    )


def test_the_app_gets_the_request_as_it_came() -> None:
    came = arrival(X_Custom="a", X_Forwarded_Proto="https", Connection="close")
    admitted = decide(came)
    assert isinstance(admitted, Admission)
    made = request(came, admitted, 1000)
    assert (made.method, made.target, made.body) == (
        "POST",
        "http://localhost:3000/api/x?a=1",
        b"{}",
    )
    assert made.headers == (
        ("Upstash-Signature", came.header("upstash-signature")),
        ("Upstash-Message-Id", "msg_c"),
        ("X-Custom", "a"),
        *TOLD,
    )


@pytest.mark.parametrize(
    "said", [{}, {"X_Forwarded_Host": "localhost", "X_Forwarded_Proto": "http"}]
)
def test_the_app_learns_the_url_that_was_signed_whatever_the_tunnel_says(said) -> None:
    admitted = decide(arrival(**said))
    assert isinstance(admitted, Admission)
    made = request(arrival(**said), admitted, 1000).headers
    assert [pair for pair in made if pair[0].startswith("X-F")] == list(TOLD)


def test_with_keep_host_it_is_the_host_of_the_request_too() -> None:
    admitted = decide(arrival(), replace(GATE, kept_hosts=KeptHosts(every=True)))
    assert isinstance(admitted, Admission)
    made = request(arrival(), admitted, 1000)
    assert ("Host", "mine.ngrok-free.app") in made.headers
    assert made.target == "http://localhost:3000/api/x?a=1"


@pytest.mark.parametrize("keep", [True, False])
def test_a_routed_delivery_that_is_signed_anew_tells_of_the_url_that_was_published(keep) -> None:
    routes = (("https://my-app.example", "http://localhost:4000"),)
    gate = replace(GATE, routes=routes, kept_hosts=KeptHosts(every=keep))
    admitted = decide(arrival("/.qstash-dev/to/https/my-app.example/x"), gate)
    assert isinstance(admitted, Admission)
    told = {"X-Forwarded-Host": "my-app.example", "X-Forwarded-Proto": "https"}
    assert dict(admitted.told) == (told | {"Host": "my-app.example"} if keep else told)


def test_a_resigned_request_holds_for_the_local_url_and_the_dev_keys() -> None:
    came = arrival("/.qstash-dev/to/http/localhost:4000/x", X_Forwarded_Host="mine.ngrok-free.app")
    admitted = decide(came)
    assert isinstance(admitted, Admission)
    made = resigned(request(came, admitted, 1000), "sig_dev", NOW_S, "jwt_2")
    names = [name for name, _ in made.headers]
    assert names == ["Upstash-Message-Id", "Upstash-Signature"]
    token = dict(made.headers)["Upstash-Signature"]
    assert inspect(token, ("sig_dev", ""), made.body, "http://localhost:4000/x", NOW_S).valid
