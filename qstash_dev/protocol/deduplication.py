"""What makes a publish the duplicate of another one, as keys to look up and to remember.

Knows nothing of the window in which they count. Source: QStash docs, "Deduplication".
"""

from hashlib import sha256

from msgspec import Struct

from qstash_dev.protocol.model import Headers, Spec
from qstash_dev.protocol.publish.draft import Draft


class Keys(Struct, frozen=True):
    """`sought`: any of them makes a duplicate, the first one that is found tells the original.
    `kept`: what the original is to be remembered by. Both are empty without deduplication.
    """

    sought: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


NO_KEYS = Keys()


def of_message(draft: Draft, spec: Spec, body: bytes) -> Keys:
    """The keys of one message of a publish.

    An id holds for the whole account, whatever the destination. Ours, since the docs say nothing of
    groups: only the messages of URL groups,
    of which one request makes several, are told apart: among them an id stands for one message to
    each URL, also across groups. So it is a duplicate

    - without a group: when anything was published with the id;
    - as an endpoint of a group: when something was published with the id that was not for a group,
      or a message of a group to the same URL.

    Content is destination, body, content type and forwarded headers: the URL is in it, so that
    groups make no difference.
    """
    if not draft.seeks_originals:
        return NO_KEYS
    if draft.deduplication_id is None:
        return _by_content(draft, spec.url, spec.headers, body)
    alone, of_any_group, of_url = (
        f"{kind}:{draft.deduplication_id}:{rest}"
        for kind, rest in (("id", ""), ("group", ""), ("id", spec.url))
    )
    if spec.topic is None:
        return Keys((alone, of_url, of_any_group), (alone,))
    return Keys((of_url, alone), (of_url, of_any_group))


def of_submission(draft: Draft, body: bytes, generation: int) -> Keys:
    """The keys of a message of a workflow run. Content is of one run: `generation` tells those of one
    id apart (workflow-js glossary: the run id is a part of it).
    """
    if draft.deduplication_id is not None:
        return of_message(draft, draft.spec, body)
    run = ("run", draft.part.run_id if draft.part is not None else ""), ("at", str(generation))
    return _by_content(draft, draft.spec.url, (*draft.spec.headers, *run), body)


def of_schedule(draft: Draft, destination: str, body: bytes) -> Keys:
    """The keys of the creation of a schedule, not of its firings. Messages have others: the id of
    a message is no duplicate of a schedule (QStash docs, "Schedules").

    Content is, besides that of a message, the cron expression and the id that was asked for: another
    plan is another schedule.
    """
    if draft.deduplication_id is not None:
        key = f"schedule:{draft.deduplication_id}"
        return Keys((key,), (key,))
    plan = ("cron", draft.cron or ""), ("id", draft.schedule_id or "")
    return _by_content(draft, destination, (*draft.spec.headers, *plan), body)


def id_in(key: str) -> str:
    """The deduplication id of a key, for lists; of content `content:` and the beginning of its hash."""
    kind, _, rest = key.partition(":")
    return key[:20] if kind == "content" else rest if kind == "schedule" else rest.partition(":")[0]


def name_of(key: str) -> str:
    """What made it a duplicate, in words."""
    kind = key.partition(":")[0]
    return "the same content" if kind == "content" else f"the deduplication id {id_in(key)}"


def _by_content(draft: Draft, url: str, headers: Headers, body: bytes) -> Keys:
    if not draft.content_based_deduplication:
        return NO_KEYS
    digest = sha256(url.encode())
    for name, value in sorted(headers):
        digest.update(f"\0{name}\0{value}".encode())
    digest.update(b"\0\0" + body)
    key = f"content:{digest.hexdigest()}"
    return Keys((key,), (key,))
