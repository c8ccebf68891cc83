"""Every cause from a real answer where one could be recorded (`fixtures/failed_responses.json`)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.explain import CAUSES, EnvFile, Facts, Hint, explain
from qstash_dev.protocol.model import Outcome, Reason, Response, SendFailure, Timing
from tests.devtools.causes import (
    BODY,
    BY_THE_CLOUD,
    KEYS,
    NOW,
    OURS,
    PYTHON_SDK,
    SENT,
    STALE,
    TABLE,
    URL,
    env,
    recorded,
    response,
)  # fmt: skip


def hint(outcome: Outcome, **more: Any) -> Hint:
    facts = {"method": "POST", "url": URL, "headers": SENT, "body": BODY, "keys": KEYS} | more
    found = explain(Facts(outcome=outcome, **facts))
    assert found is not None
    return found


@pytest.mark.parametrize(("cause", "outcome", "facts", "words"), TABLE)
def test_the_cause_is_named_with_its_fix(
    cause: str, outcome: Outcome, facts: dict[str, Any], words: str
) -> None:
    found = hint(outcome, **facts)
    assert (found.cause, words in found.text) == (cause, True), found.text


def test_a_workflow_below_a_base_path_is_told_what_its_own_address_lacks() -> None:
    step = {"headers": (*SENT, ("Upstash-Workflow-RunId", "wfr_1"))}
    assert "`baseUrl` that ends in it" in hint(recorded("next-base-path"), **step).text


def test_every_cause_has_an_id_of_its_own_and_a_case() -> None:
    ids = [cause.id for cause in CAUSES]
    assert len(set(ids)) == len(ids) >= 25
    assert set(ids) == {cause for cause, *_ in TABLE}


@pytest.mark.parametrize(
    "outcome",
    [
        response(200, "ok"),
        response(204),
        response(200, '{"message": "Missing signature, invalid signature"}'),
        response(201, "Traceback: SignatureError"),
    ],
)
def test_a_success_is_not_explained(outcome: Outcome) -> None:
    assert explain(Facts(method="POST", url=URL, outcome=outcome)) is None


def test_a_stale_key_is_not_blamed_for_an_error_that_speaks_for_itself() -> None:
    assert hint(recorded("next-pages-thrown"), env=env(**STALE)).cause == "app-error"


def test_the_other_key_of_the_app_may_be_the_current_one_of_this_server() -> None:
    rotated = env(QSTASH_CURRENT_SIGNING_KEY="sig_old", QSTASH_NEXT_SIGNING_KEY=KEYS[0])
    found = hint(recorded("next-app-thrown"), env=rotated, message="msg_7")
    assert found.cause == "next-handler-threw"
    assert found.text.endswith("If it is the signature: qstash-dev verify msg_7 --url URL")


def test_the_first_env_file_that_sets_a_key_counts() -> None:
    files = (EnvFile(".env.local", OURS), EnvFile(".env", STALE))
    assert hint(recorded("next-app-thrown"), env=files).cause == "next-handler-threw"
    assert hint(recorded("next-app-thrown"), env=files[::-1]).cause == "keys-stale"


def test_a_stripe_signature_in_the_handler_is_not_ours() -> None:
    said = "No signatures found matching the expected signature for payload."
    assert hint(response(400, said)).cause == "app-error"


@pytest.mark.parametrize(
    "said",
    [
        *("Signature invalid", "Signatures do not match", "The signature is wrong"),
        *("Upstash signature rejected", "Signature not verified", "signature.invalid"),
        *("QStash verification failed", "Invalid QStash request", "Receiver verification failed"),
        *("Webhook signature verification failed", "QStash signature verification failed"),
    ],
)
def test_own_words_for_a_refused_signature_are_understood_and_tell_nothing(said: str) -> None:
    answer = response(401, json.dumps({"error": said}))
    assert hint(answer, env=env(**OURS), body=b"plain").cause == "signature-undecided"


@pytest.mark.parametrize(
    "said",
    [
        *("Missing signature field in form", "The contract has no signature"),
        *("body.signature is required", "signature image is missing"),
    ],
)
def test_a_signature_in_the_body_is_not_ours(said: str) -> None:
    assert hint(response(400, json.dumps({"error": said}))).cause == "app-error"


@pytest.mark.parametrize("answer", [response(401, "Invalid signature"), response(500), PYTHON_SDK])
@pytest.mark.parametrize(
    "facts",
    [
        {"env": env(**OURS)},
        {"accepted_at": NOW, "env": env(**STALE)},
        {"is_cloud": True, "headers": BY_THE_CLOUD, "env": env(**STALE)},
    ],
)
def test_keys_are_not_named_when_they_cannot_be_the_cause(
    answer: Outcome, facts: dict[str, Any]
) -> None:
    assert "env --write" not in hint(answer, **facts).text


def test_keys_are_never_shown_whole() -> None:
    line = hint(recorded("next-app-thrown"), env=env(**STALE)).text
    assert not any(key in line for key in (*KEYS, *STALE.values()))


def test_a_hint_is_one_line_of_bounded_length() -> None:
    line = hint(response(500, json.dumps({"error": "a\nb " * 1000}))).text
    assert "\n" not in line
    assert len(line) <= 400


@pytest.mark.parametrize("piece", ["<", "<pre>", "<title>", "<script", "</", "[", '{"error":'])
@pytest.mark.timeout(5)
def test_a_hostile_page_does_not_take_long(piece: str) -> None:
    assert hint(response(500, "<html>" + piece * 60_000)).text
    assert hint(response(500, piece * 60_000)).text


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode),
    url=st.text(max_size=40) | st.just(URL) | st.just("http://[::1"),
    location=st.text(max_size=30),
    routes=st.lists(st.text(max_size=20), max_size=3),
)
def test_any_answer_is_explained_in_one_line_or_not_at_all(
    status: int, body: bytes, url: str, location: str, routes: list[str]
) -> None:
    outcome = Response(
        status,
        (("Location", location), ("Date", location), ("WWW-Authenticate", location)),
        body,
        Timing(0),
    )
    found = explain(Facts(method="POST", url=url, outcome=outcome, routes=tuple(routes)))
    assert (found is not None) or status < 300
    assert found is None or "\n" not in found.text


@given(st.sampled_from(Reason), st.text(max_size=40), st.text(max_size=40))
def test_any_failure_is_explained(reason: Reason, url: str, detail: str) -> None:
    facts = Facts(method="POST", url=url, outcome=SendFailure(reason, detail, Timing(0)))
    assert explain(facts) is not None
