"""The list of entries that a step is delivered with, and when the app fetches it itself."""

import json

import pytest

from qstash_dev.protocol.model import CallType, Kind, Place, Spec
from qstash_dev.protocol.workflow.render import LAZY_BYTES, Entry, is_lazy, render
from tests.protocol.workflow.play import APP

LAZY = ("LazyFetch",)


def place(call_type: CallType = CallType.STEP, features: tuple[str, ...] = LAZY) -> Place:
    return Place("wfr_1", 1, call_type, index=3, features=features)


def test_entries_are_elements_with_their_bodies_in_base64() -> None:
    entries = [
        Entry("msg_a", "ü".encode()),
        Entry("msg_b", b""),
        Entry("msg_c", b"\xff", CallType.TO_CALLBACK),
    ]
    assert json.loads(render(entries)) == [
        {"messageId": "msg_a", "body": "w7w=", "callType": "step"},
        {"messageId": "msg_b", "body": "", "callType": "step"},
        {"messageId": "msg_c", "body": "/w==", "callType": "toCallback"},
    ]
    assert render([]) == b"[]"


@pytest.mark.parametrize(
    ("spec", "size", "lazy"),
    [
        (Spec(APP, place=place()), LAZY_BYTES + 1, True),
        (Spec(APP, place=place(CallType.STEP_CONFIG)), LAZY_BYTES + 1, True),
        (Spec(APP, place=place()), LAZY_BYTES, False),
        (Spec(APP, place=place(features=())), LAZY_BYTES + 1, False),
        (Spec(APP, place=place(CallType.FROM_CALLBACK)), LAZY_BYTES + 1, False),
        (Spec(APP, place=place(CallType.FAILURE_CALL)), LAZY_BYTES + 1, False),
        (Spec(APP, place=place(), kind=Kind.REPLAY), LAZY_BYTES + 1, False),
        (Spec(APP), LAZY_BYTES + 1, False),
    ],
)
def test_only_steps_of_sdks_that_can_fetch_a_list_are_delivered_without_it(
    spec: Spec, size: int, lazy: bool
) -> None:
    assert is_lazy(spec, size) == lazy
