"""What a submission's headers say of its run."""

import pytest

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import CallType
from qstash_dev.protocol.workflow.headers import Part, last_wins, read_part

RUN = {"upstash-workflow-runid": "wfr_1"}
INIT = {**RUN, "upstash-workflow-init": "true"}


def test_a_message_without_a_run_is_an_ordinary_one() -> None:
    assert read_part({"upstash-retries": "1", "upstash-workflow-init": "false"}) is None


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        (RUN, Part("wfr_1")),
        ({**RUN, "upstash-workflow-init": "false"}, Part("wfr_1")),
        ({**RUN, "upstash-workflow-calltype": ""}, Part("wfr_1")),
        (
            {**RUN, "upstash-workflow-calltype": "toCallback"},
            Part("wfr_1", CallType.TO_CALLBACK),
        ),
        (INIT, Part("wfr_1", init=True)),
        ({"upstash-workflow-init": "True"}, Part(init=True)),
        ({**INIT, "upstash-workflow-invoke": "true"}, Part("wfr_1", init=True, invoke=True)),
        (
            {**INIT, "upstash-workflow-trigger-by-sdk": "true"},
            Part("wfr_1", init=True, by_sdk=True),
        ),
        (
            {**RUN, "upstash-workflow-url": "https://app/wf"},
            Part("wfr_1", url="https://app/wf"),
        ),
        (
            {**RUN, "upstash-feature-set": "LazyFetch, InitialBody,,New,LazyFetch"},
            Part("wfr_1", features=("LazyFetch", "InitialBody", "New")),
        ),
        ({**RUN, "upstash-workflow-createdat": "17"}, Part("wfr_1", created_at=17)),
        ({**RUN, "upstash-workflow-createdat": "0"}, Part("wfr_1")),
        ({**RUN, "upstash-workflow-createdat": "NaN"}, Part("wfr_1")),
    ],
)  # fmt: skip
def test_headers_say_which_part_a_message_has_in_its_run(
    headers: dict[str, str], part: Part
) -> None:
    assert read_part(headers) == part


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({**RUN, "upstash-workflow-init": "yes"}, "invalid Upstash-Workflow-Init header: 'yes'"),
        (
            {**RUN, "upstash-workflow-calltype": "sideCall"},
            "invalid Upstash-Workflow-CallType header: 'sideCall' is not one of step, toCallback",
        ),
        (
            {**INIT, "upstash-workflow-calltype": "toCallback"},
            "Upstash-Workflow-Init and Upstash-Workflow-CallType contradict each other",
        ),
        (
            {**RUN, "upstash-workflow-invoke": "true"},
            "Upstash-Workflow-Invoke needs Upstash-Workflow-Init: true",
        ),
    ],
)
def test_headers_that_contradict_each_other_are_refused(
    headers: dict[str, str], sentence: str
) -> None:
    with pytest.raises(QStashError) as refused:
        read_part(headers)
    assert (refused.value.status, refused.value.message[: len(sentence)]) == (400, sentence)


def test_of_two_spellings_of_one_name_the_last_value_wins() -> None:
    found = last_wins(
        {
            "Upstash-Workflow-RunId": ["wfr_1"],
            "Upstash-Workflow-Runid": ["wfr_1"],
            "content-type": ["text/plain", "application/json"],
            "Empty": [],
        }
    )
    assert found == [
        ("Upstash-Workflow-Runid", "wfr_1"),
        ("content-type", "application/json"),
    ]
