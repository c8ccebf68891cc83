"""Set-ups that `doctor` must judge: green means that a publish by that app would arrive here."""

from typing import Any

import pytest

from qstash_dev.devtools.sdk_choice import App, Finding, Here, judge
from qstash_dev.protocol.users import DEV_USERS, User

URL = "http://127.0.0.1:8080"
HERE = Here(URL, DEV_USERS)
ELSEWHERE = Here("http://127.0.0.1:8090", DEV_USERS)
OWN = Here(URL, (User("me", "token", "sig_1", "sig_2"),))
FIRST = {
    "QSTASH_URL": URL,
    "QSTASH_TOKEN": DEV_USERS[0].token,
    "QSTASH_CURRENT_SIGNING_KEY": DEV_USERS[0].current_key,
    "QSTASH_NEXT_SIGNING_KEY": DEV_USERS[0].next_key,
}
REGION = {
    "QSTASH_REGION": "us-east-1",
    "US_EAST_1_QSTASH_URL": "https://qstash-us-east-1.upstash.io",
    "US_EAST_1_QSTASH_TOKEN": "cloud",
}
DEV = {"QSTASH_DEV": "true"}
JS = {"@upstash/qstash": "^2.12.0"}


def findings(values: dict[str, str], here: Here = HERE, **sdks: str) -> list[Finding]:
    app = App(values, dict.fromkeys(values, ".env"), {**sdks})
    return list(judge(app, here))


@pytest.mark.parametrize(
    ("values", "here", "sdks", "level", "text"),
    [
        (FIRST, HERE, {}, "ok", "has the address and credentials of defaultUser"),
        ({**FIRST, "QSTASH_URL": "http://localhost:8080/"}, HERE, {}, "ok", "defaultUser"),
        ({**FIRST, "QSTASH_URL": "http://api.localhost:8080"}, HERE, {}, "ok", "defaultUser"),
        ({**FIRST, "QSTASH_URL": "http://[::1]:8080"}, HERE, {}, "ok", "defaultUser"),
        ({"OTHER": "1"}, HERE, {}, "note", ".env says nothing about QStash"),
        (
            {**FIRST, "QSTASH_TOKEN": "cloud"},
            HERE,
            {},
            "problem",
            "QSTASH_TOKEN of .env is not one",
        ),
        ({**FIRST, "QSTASH_NEXT_SIGNING_KEY": "sig_x"}, HERE, {}, "problem", "will fail"),
        (
            {**FIRST, "QSTASH_TOKEN": DEV_USERS[1].token},
            HERE,
            {},
            "problem",
            "not those of testUser1",
        ),
        (
            {**FIRST, "QSTASH_URL": f"{URL}/v2"},
            HERE,
            {},
            "problem",
            f"QSTASH_URL of .env is {URL}/v2",
        ),
        (
            {**FIRST, "QSTASH_TOKEN": "undefined"},
            HERE,
            {},
            "problem",
            "is 'undefined', which is no",
        ),
        (FIRST, ELSEWHERE, {}, "problem", f"QSTASH_URL of .env is {URL}."),
        (
            {"QSTASH_TOKEN": DEV_USERS[0].token},
            HERE,
            {},
            "problem",
            "QSTASH_URL is missing in .env: by that file the app asks the cloud.",
        ),
        # QSTASH_DEV
        (DEV, HERE, JS, "ok", f"QSTASH_DEV of .env leads here ({URL})."),
        (
            {**DEV, "QSTASH_TOKEN": "cloud"},
            HERE,
            JS,
            "ok",
            "the QSTASH_TOKEN beside it is not used",
        ),
        ({"QSTASH_DEV": "1", "QSTASH_DEV_PORT": "8090"}, ELSEWHERE, JS, "ok", "leads here"),
        (
            DEV,
            ELSEWHERE,
            JS,
            "problem",
            "leads to port 8080, but this server is at http://127.0.0.1:8090",
        ),
        ({**FIRST, **DEV}, ELSEWHERE, JS, "problem", "leads to port 8080"),
        (
            {"QSTASH_DEV": "yes"},
            HERE,
            JS,
            "problem",
            "QSTASH_DEV of .env is 'yes': the SDK throws.",
        ),
        ({**FIRST, "QSTASH_DEV": "false"}, HERE, JS, "ok", "has the address and credentials"),
        (DEV, OWN, JS, "problem", "makes the SDK use the default token and keys"),
        (DEV, HERE, {"@upstash/qstash": "2.7.23"}, "problem", "2.7.23 does not know QSTASH_DEV"),
        ({**FIRST, **DEV}, HERE, {"qstash": ">=3"}, "ok", "has the address and credentials"),
        # older SDKs
        (FIRST, HERE, {"@upstash/qstash": "2.3.0"}, "problem", "2.3.0 does not read QSTASH_URL"),
        (FIRST, HERE, {"@upstash/qstash": "latest"}, "ok", "has the address and credentials"),
        # regions
        ({**FIRST, **REGION}, HERE, JS, "problem", "US_EAST_1_QSTASH_URL of .env is https"),
        ({**FIRST, **REGION}, HERE, {"qstash": ">=3"}, "ok", "has the address and credentials"),
        # names that no SDK reads
        (
            {"UPSTASH_QSTASH_TOKEN": "t"},
            HERE,
            JS,
            "problem",
            "UPSTASH_QSTASH_TOKEN of .env is read by no",
        ),
    ],
)
def test_a_set_up_is_judged_as_the_sdk_chooses(
    values: dict[str, str], here: Here, sdks: dict[str, Any], level: str, text: str
) -> None:
    found = findings(values, here, **sdks)[0]
    assert (found.level, text in found.text) == (level, True), found
    assert (found.fix is not None) is (level == "problem")


def test_a_region_without_variables_of_its_own_changes_nothing_and_is_told() -> None:
    note, verdict = findings({**FIRST, "QSTASH_REGION": "US_EAST_1"}, HERE, **JS)
    assert note.level == "note"
    assert "the SDK takes the plain ones" in note.text
    assert verdict.level == "ok"


@pytest.mark.parametrize(
    ("url", "here", "sdks", "fix"),
    [
        ({}, HERE, JS, "Start the app with QSTASH_DEV=true before its command, or: "),
        ({}, ELSEWHERE, JS, "Start the app with QSTASH_DEV=true QSTASH_DEV_PORT=8090 before its "
                            "command, or: "),
        ({"QSTASH_URL": "https://qstash.upstash.io"}, HERE, JS, "Start the app with QSTASH_DEV=true "
                                                               "before its command, or: "),
        ({}, HERE, {"@upstash/qstash": "2.7.23"}, ""),
        ({}, HERE, {"qstash": ">=3"}, ""),
        ({}, OWN, JS, ""),
    ],
)  # fmt: skip
def test_who_has_variables_of_the_cloud_is_told_what_leads_here_and_not_only_a_token(
    url: dict[str, str], here: Here, sdks: dict[str, str], fix: str
) -> None:
    (found,) = findings({"QSTASH_TOKEN": "cloud", **url}, here, **sdks)
    assert found.text.startswith("QSTASH_URL ")
    assert found.fix == f"{fix}qstash-dev env --write .env"


def test_an_app_without_files_has_nothing_to_judge() -> None:
    assert findings({}) == []


@pytest.mark.parametrize(
    ("local", "text"),
    [
        ({"QSTASH_TOKEN": "cloud"}, "QSTASH_TOKEN of .env.local is not one of this server's."),
        ({"QSTASH_NEXT_SIGNING_KEY": "sig_x"}, "The signing keys of .env.local are not those of"),
        ({"QSTASH_URL": "https://qstash.upstash.io"}, "QSTASH_URL of .env.local is https://qstash"),
        ({"QSTASH_TOKEN": "undefined"}, "QSTASH_TOKEN of .env.local is 'undefined', which is no"),
    ],
)
def test_of_two_files_that_with_the_mistake_is_named(local: dict[str, str], text: str) -> None:
    files = {**dict.fromkeys(FIRST, ".env"), **dict.fromkeys(local, ".env.local")}
    [found] = judge(App({**FIRST, **local}, files), HERE)
    assert found.level == "problem"
    assert found.text.startswith(text)
    assert ".env " not in f"{found.fix} "
