"""Causes of answers, driven: an app gives these very bytes to a real delivery, and the row shows why.

The rows are those of `tests/devtools/causes.py`; what is known besides is made so: env files and
routes of a project, a delivery that the app took before, a route.
"""

import os
from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import web

from qstash_dev.devtools.explain import CAUSES
from qstash_dev.devtools.explain.no_answer import NO_ANSWER
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import Response
from qstash_dev.protocol.signature import inspect
from qstash_dev.protocol.urls import KeptHosts, split_url
from qstash_dev.protocol.users import DEV_USERS, User
from tests.devtools.causes import BODY, NOW, SENT, TABLE, URL
from tests.protocol.workflow.play import init
from tests.raw_server import OK, RawServer
from tests.server.outside_world import outside_world

ELSEWHERE = {
    "handler-printed",
    "other-app",
    "keys-rotated",
    "signature-not-sent",
    "cloud-signature",
    "not-a-workflow",
}
"""By an app that the server starts (`test_own_app`), and below; we send nothing without a signature."""


REFUSED = b"HTTP/1.1 401 X\r\nContent-Length: 17\r\n\r\nInvalid signature"


def is_driven(row: Any) -> bool:
    cause, outcome, facts, _ = row
    is_signed = bool(facts.get("headers", SENT))
    if not isinstance(outcome, Response) or facts.get("is_cloud"):
        return False
    # Here the server starts no app (`test_own_app`), nor is each message a step of a run.
    elsewhere = "is_child", "heard", "printed", "has_entries"
    is_alone = not any(facts.get(name) for name in elsewhere)
    return is_signed and cause not in ELSEWHERE and is_alone


def project(facts: Any) -> str:
    """What a server is started with: the rows that want the same share one."""
    return repr([facts.get(name) for name in ("env", "routes", "keys", "target")])


PROJECTS: dict[str, list[Any]] = defaultdict(list)
for each in TABLE:
    if is_driven(each):
        PROJECTS[project(each[2])].append(each)


def test_every_cause_of_an_answer_is_driven():
    driven = {cause for rows in PROJECTS.values() for cause, *_ in rows}
    of_answers = {cause.id for cause in CAUSES} - {cause.id for cause in NO_ANSWER}
    assert driven == of_answers - ELSEWHERE


def lay_out(directory, facts):
    """The files of a project. What is not fresh was written long ago."""
    for file in facts.get("env", ()):
        path = directory / file.path
        path.write_text("".join(f"{name}='{value}'\n" for name, value in file.values.items()))
        if not file.is_fresh:
            os.utime(path, (1, 1))
    for route in facts.get("routes", ()):
        (directory / route).parent.mkdir(parents=True, exist_ok=True)
        (directory / route).write_text("// a route\n")


def answer_of(response, head, own_place, place):
    """The bytes of an answer, from the place where it is given, at the time of the delivery."""
    token = head.partition(b"Upstash-Signature: ")[2].partition(b"\r\n")[0].decode()
    iat = inspect(token, None, None, None, 0).claims["iat"]
    lines = [f"HTTP/1.1 {response.status} X", f"Content-Length: {len(response.body)}"]
    for name, value in response.headers:
        if name == "Date":
            there = iat + int(parsedate_to_datetime(value).timestamp()) - NOW
            value = format_datetime(datetime.fromtimestamp(there, UTC), usegmt=True)
        lines.append(f"{name}: {value.replace(own_place, place)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + response.body


async def listen(raw, row):
    """An app that answers as the row says, having taken a delivery before if it did; its port."""
    _, response, facts, _ = row
    own_place = split_url(facts.get("target", facts.get("url", URL))).netloc
    before = [OK] if "accepted_at" in facts else []
    ports = []

    async def handle(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        given = answer_of(response, head, own_place, f"127.0.0.1:{ports[0]}")
        writer.write(before.pop() if before else given)

    ports.append(await raw.start(handle))
    return ports[0]


async def publish(server, row, port):
    """The message of a row, and the words that are expected of it."""
    _, _, facts, words = row
    url = split_url(facts.get("url", URL))
    to = f"http://127.0.0.1:{port}{url.path}"
    if "target" in facts:
        to = url.geturl()
        route = {"from": f"{url.scheme}://{url.netloc}", "to": f"http://127.0.0.1:{port}"}
        await server.call("PUT", "/_dev/routes", {"routes": [route]})
    content_type = first(facts.get("headers", SENT), "content-type")
    # Without one the client says that it is bytes; these rows want none that frameworks parse.
    headers = {"Content-Type": content_type or "text/plain"}
    headers |= dict.fromkeys(facts.get("unforwarded", ()), "x")
    body = facts.get("body", BODY)
    if "accepted_at" in facts:
        await server.publish(to, body, **headers)
        await server.wait("state:delivered")
    message_id = await server.publish(to, body, **headers, Upstash_Retries=0)
    place = split_url(facts.get("target", facts.get("url", URL))).netloc
    words = words.replace(place, f"127.0.0.1:{port}").replace("port 5000", f"port {port}")
    return message_id, words.replace("msg_7", message_id)


@pytest.mark.parametrize("name", PROJECTS, ids=[f"{n}" for n in range(len(PROJECTS))])
async def test_the_cause_of_an_answer_is_shown(start, tmp_path, name):
    rows = PROJECTS[name]
    facts = rows[0][2]
    lay_out(tmp_path, facts)
    keys = facts.get("keys")
    users = (User("me", DEV_USERS[0].token, *keys),) if keys else DEV_USERS
    server = await start(watch=tmp_path, users=users)
    async with AsyncExitStack() as stack:
        raw = RawServer(stack)
        sent = [await publish(server, row, await listen(raw, row)) for row in rows]
        await server.wait("state:ok|failed", len(rows))
        shown = [((await server.row(id_))["hint"], words) for id_, words in sent]
    assert [pair for pair in shown if pair[1] not in (pair[0] or "")] == []


async def test_a_refused_delivery_of_the_cloud_is_not_blamed_on_our_keys():
    async with outside_world(kept_hosts=KeptHosts(every=True)) as world:
        world.app.answer = lambda got: web.Response(status=401, text="Invalid signature")
        assert (await world.deliver()).status == 401
        [row] = await world.rows("source:cloud")
    assert "the app needs the keys of the QStash console" in row["hint"]


async def test_an_app_with_the_keys_from_before_a_rotation_is_told_apart(start):
    server = await start()
    answers = [OK, REFUSED, REFUSED, REFUSED]
    async with AsyncExitStack() as stack:

        async def handle(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answers.pop(0))

        to = f"http://127.0.0.1:{await RawServer(stack).start(handle)}/orders"
        await server.publish(to)
        await server.wait("state:delivered")
        hints = []
        for user in (DEV_USERS[0], DEV_USERS[1], DEV_USERS[0]):
            bearer = f"Bearer {user.token}"
            lost = await server.publish(to, Upstash_Retries=0, Authorization=bearer)
            await server.wait(f"id:{lost} state:failed")
            hints.append((await server.row(lost))["hint"])
            await server.call("POST", "/v2/keys/rotate")
    assert hints[0].startswith("The app took a delivery to /orders before, so its keys are right")
    assert "rotated" not in hints[1]  # another user has other keys
    assert hints[2].startswith("The keys of this server were rotated since the app took a delivery")


async def test_a_start_that_reaches_no_workflow_says_what_its_handler_must_be(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    for headers in (init("wfr_1"), init("wfr_2", feature_set="LazyFetch")):
        item = {"destination": f"{app.url}/wf", "headers": headers}
        await server.call("POST", "/v2/batch", [item])
    [failed] = await server.wait("state:failed")
    assert failed["hint"] == (
        "/wf answered 200 OK, but it is no workflow: its handler must be made by serve() of the "
        "workflow SDK, and its answer be passed on with its headers."
    )
    [taken] = await server.wait("state:delivered")  # its SDK does not want to know
    assert taken["hint"] is None
