"""Lists of large bodies: pages end early, and the cursor goes on without a gap or a repetition."""

from io import BytesIO
from itertools import chain

from tests.api.conftest import Api
from tests.conftest import App

MEGABYTE = 1_000_000


async def pages(api: Api, path: str, key: str) -> list[list[str]]:
    """The message ids of each page."""
    found, cursor = [], ""
    while cursor is not None:
        page = await api.ok("GET", f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        found.append([entry["messageId"] for entry in page[key]])
        cursor = page.get("cursor")
    return found


async def test_a_page_holds_no_more_than_a_few_large_answers(api: Api, app: App) -> None:
    url = app.answers("/x", {"status": 500, "body": b"x" * (5 * MEGABYTE)})
    ids = [await api.publish(url, retries=0) for _ in range(6)]
    await api.wait("state:failed", 6)
    dlq = await pages(api, "/v2/dlq", "messages")
    assert sorted(chain(*dlq)) == sorted(ids)
    assert max(map(len, dlq)) == 4  # the fourth is the one that is over 16 MB
    log = await pages(api, "/v2/events?state=ERROR&order=earliestFirst", "events")
    assert sorted(chain(*log)) == sorted(ids)
    assert max(map(len, log)) == 4


async def test_a_page_holds_no_more_than_a_few_large_bodies(api: Api, app: App) -> None:
    body = b"x" * (9 * MEGABYTE)
    ids = [await api.publish(app.url, BytesIO(body), delay="1h") for _ in range(4)]
    log = await pages(api, "/v2/logs", "logs")
    assert list(chain(*log)) == ids[::-1]
    assert max(map(len, log)) == 2


async def test_the_last_page_has_no_cursor_when_it_is_full(api: Api, app: App) -> None:
    url = app.answers("/x", 500)
    ids = [await api.publish(url, retries=0) for _ in range(4)]
    await api.wait("state:failed", 4)
    dlq = await pages(api, "/v2/dlq?count=2", "messages")
    assert [len(page) for page in dlq] == [2, 2]
    assert sorted(chain(*dlq)) == sorted(ids)


async def test_a_page_of_the_dlq_of_workflows_ends_early_as_well(api: Api, app: App) -> None:
    url = app.answers("/x", {"status": 500, "body": b"x" * (5 * MEGABYTE)})
    for number in range(6):
        run = {"Upstash-Workflow-RunId": f"wfr_{number}", "Upstash-Workflow-Url": url}
        run |= {"Upstash-Workflow-Sdk-Version": "1", "Upstash-Retries": "0"}
        await api.ok("POST", f"/v2/trigger/{url}", headers=run)
    await api.wait("state:failed", 6)
    dlq = await pages(api, "/v2/workflows/dlq", "messages")
    assert [len(page) for page in dlq] == [4, 2]
    assert len(set(chain(*dlq))) == 6
