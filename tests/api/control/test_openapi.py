"""The description of the control API holds: whatever it allows is answered as it says."""

import json
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import hypothesis
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from qstash_dev.api.control.openapi import openapi
from qstash_dev.api.control.server import ROUTES
from tests.api.conftest import Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = hypothesis.settings(
    max_examples=1,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ENDLESS = {"/_dev/events"}
IN_QSTASHS_WORDS = {"ScheduleRow"}
"""Types that say which fields are there at least."""
NEEDS_ANSWERS = {"GET /_dev/messages/{id}/attempts/{number}/body", "GET /_dev/messages/{id}/diff"}
"""What succeeds only where an app has answered, or workflows run; a diff without another message."""
DESTINATION = "http://127.0.0.1:9/x"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return json.loads(msgspec.json.encode(openapi(ROUTES)))


@pytest.fixture
def filled(qstash) -> Callable[[], dict[str, str]]:
    """Forgets all and makes one of everything; the ids by the first part of the path."""

    def ask(method: str, path: str, **headers: str) -> Any:
        headers["Authorization"] = f"Bearer {qstash.token}"
        request = urllib.request.Request(
            qstash.url + path, data=b"{}", headers=headers, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def fill() -> dict[str, str]:
        qstash.forget()
        ask("POST", f"/v2/publish/{DESTINATION}", **{"Upstash-Retries": "0"})
        qstash.settle()
        when = {"Upstash-Cron": "0 0 1 1 *", "Upstash-Schedule-Id": "s"}
        ask("POST", f"/v2/schedules/{DESTINATION}", **when)
        later = ask(
            "POST",
            f"/v2/enqueue/q/{DESTINATION}",
            **{
                "Upstash-Delay": "1d",
                "Upstash-Flow-Control-Key": "f",
                "Upstash-Flow-Control-Value": "parallelism=1",
                "Upstash-Deduplication-Id": "d",
            },
        )
        (entry,) = qstash.dlq()
        return {
            "messages": later["messageId"],
            "dead": entry.row.id,
            "dlq": entry.dlq_id,
            "schedules": "s",
            "queues": "q",
            "flow": "f",
            "groups": "g",
            "deduplication": "d",
        }

    return fill


def test_whatever_it_allows_is_answered_as_it_says(qstash, filled, described) -> None:
    schemas = described["components"]["schemas"]
    asked, succeeded = set(), set()

    def ask(operation: Any, session: requests.Session, ids: dict[str, str]) -> None:
        name = f"{operation.method.upper()} {operation.path}"

        @hypothesis.given(operation.as_strategy())
        @EXAMPLES
        def one(case: Any) -> None:
            settle_for(case, ids)
            response = case.call(base_url=qstash.url, session=session)
            case.validate_response(response, checks=CHECKS)
            asked.add(name)
            if response.status_code < 300:
                succeeded.add(name)
                shape = content(operation.definition.raw["responses"]).get("schema", {})
                told = response.json() if shape and response.text != "OK" else None
                assert list(untold(told, shape, schemas, name)) == []

        one()

    operations: Iterable[Any] = schemathesis.openapi.from_dict(described).get_all_operations()
    with requests.Session() as session:
        for found in operations:
            operation = found.ok()
            if operation.path not in ENDLESS:
                ask(operation, session, filled())
    refused = {name for name in asked - succeeded if "/workflows/" not in name}
    assert {name for name in refused if name.startswith("GET ")} == NEEDS_ANSWERS


def settle_for(case: Any, ids: dict[str, str]) -> None:
    """Something that is there, and no waiting."""
    noun = case.path.removeprefix("/_dev/").partition("/")[0]
    if noun == "about":
        noun = case.path_parameters["noun"] = "queues"
    if noun == "messages" and (case.method == "DELETE" or "verify" in case.path):
        noun = "dead"
    if noun == "wait":
        case.query = {**(case.query or {}), "timeout_ms": 0}
    for name in {"id", "name", "key"} & set(case.path_parameters or {}):
        case.path_parameters[name] = ids.get(noun, "none")


def content(responses: dict[str, Any]) -> dict[str, Any]:
    """What is answered when all is well."""
    (kind,) = next(iter(responses.values()))["content"].values()
    return kind


def untold(value: Any, shape: Any, schemas: dict[str, Any], place: str) -> Iterator[str]:
    """Fields of an answer of which its description says nothing."""
    name = shape.get("$ref", "").rpartition("/")[2]
    shape = schemas[name] if name else shape
    for one in shape.get("anyOf", ()):
        if "$ref" in one and isinstance(value, dict):
            yield from untold(value, one, schemas, place)
    if isinstance(value, list) and isinstance(shape.get("items"), dict):
        for item in value:
            yield from untold(item, shape["items"], schemas, place)
    fields = shape.get("properties", {})
    if isinstance(value, dict) and fields and name not in IN_QSTASHS_WORDS:
        for key, part in value.items():
            if key not in fields:
                yield f"{place}: {key} of {name}"
            yield from untold(part, fields.get(key, {}), schemas, place)


async def test_it_is_served_and_each_route_is_in_it_with_words(api: Api, described) -> None:
    assert await api.ok("GET", "/_dev/openapi.json") == described
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    assert {name for name, _ in operations} == {
        f"{route.methods.split()[0]} {route.pattern}" for route in ROUTES
    }
    assert [name for name, operation in operations if not operation["summary"]] == []
    ids = [operation["operationId"] for _, operation in operations]
    assert len(ids) == len(set(ids))


def test_what_the_test_helpers_stand_on_is_stable(described) -> None:
    """People copy the JavaScript one into their projects: it must go on to work."""
    used = ("messages", "messages/{id}", "wait", "clock", "faults", "dlq", "reset", "snapshot")
    for path in used:
        for method, operation in described["paths"][f"/_dev/{path}"].items():
            assert "stable" in operation["tags"] or (method, path) == ("delete", "messages")
