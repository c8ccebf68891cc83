"""Events that reached no workflow run, and which run was probably meant: why one waits for ever.

It compares names alone, as people mistype them; who waits is told it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

from msgspec import Struct

from qstash_dev.protocol.hosts import is_empty_variable

ALIKE = 0.8
MOST = 200


class Missed(Struct, frozen=True):
    """An event that nobody took. `user` is empty when it was for the runs of all users, `run` when it
    was for all of a user; `kept` tells that this run is live and keeps it for a later wait.
    """

    user: str
    event: str
    run: str = ""
    kept: bool = False
    at: int = 0

    def was_for(self, user: str) -> bool:
        """Whether a run of this user could have taken it."""
        return self.user in ("", user)


class MissedEvents:
    """A bounded number of them, in memory alone: what they change is words.

    `tell` gets a sentence for each that is new. `revision` differs after every one.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._found: dict[tuple[str, str, str], Missed] = {}
        self.revision = 0

    def __iter__(self) -> Iterator[Missed]:
        return iter(self._found.values())

    def add(self, missed: Missed, awaited: Iterable[str]) -> None:
        """An event reached nobody; `awaited` are those that are waited for. Told once, not each time:
        apps notify in a loop until somebody waits.
        """
        key = missed.user, missed.event, missed.run
        is_new = self._found.pop(key, None) is None
        self._found[key] = missed
        while len(self._found) > MOST:
            del self._found[next(iter(self._found))]
        self.revision += 1
        near = next((event for event in awaited if are_alike(missed.event, event)), None)
        if is_new and (near or not missed.kept):  # what is kept is mostly meant to be
            self._tell(_sentence(missed, near))


def why_unheard(event: str, run: tuple[str, str, int], missed: Iterable[Missed]) -> str:
    """Which event came that this wait was probably meant to get; empty if none is known.

    `run` is the user, the id and the creation time of the run that waits; `missed` the newest last.
    """
    user, run_id, created_at = run
    for one in reversed(list(missed)):
        if one.at < created_at or (one.kept and one.run != run_id):
            continue
        if one.event == event and not one.kept:
            return _same(one, user)
        if one.event != event and one.was_for(user) and are_alike(one.event, event):
            return f"{one.event} was notified, but this run waits for {event}"
    return ""


def are_alike(notified: str, awaited: str) -> bool:
    """Whether one was probably meant by the other. Other numbers are other things."""
    if _letters(notified) == _letters(awaited) != "":
        return True
    if awaited in notified.split("/"):  # the run's id behind it instead of before
        return True
    if _unfilled(notified, awaited) or _unfilled(awaited, notified):
        return True
    if re.findall(r"\d+", notified) != re.findall(r"\d+", awaited):
        return False
    from difflib import SequenceMatcher  # needed only for a mistake

    return SequenceMatcher(None, notified.lower(), awaited.lower()).ratio() >= ALIKE


def _same(one: Missed, user: str) -> str:
    if not one.was_for(user):
        return f"it was notified with the token of {one.user}, but the run is of {user}"
    if one.run:
        return f"it was notified for the run {one.run}, which is not live"
    return (
        "it was notified before this run waited, and such an event is lost: notify again, or with "
        "the run's id, which keeps it"
    )


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", unquote(unquote(name)).lower())


def _unfilled(name: str, other: str) -> bool:
    """Whether a part of the name is what an empty variable leaves, and the rest is the other's."""
    parts = re.split(r"([-_/:. ])", unquote(name))
    if not any(is_empty_variable(part) for part in parts):
        return False
    pattern = "".join(".+" if is_empty_variable(part) else re.escape(part) for part in parts)
    return len(parts) > 1 and re.fullmatch(pattern, other) is not None


def _sentence(missed: Missed, near: str | None) -> str:
    if missed.kept:
        text = f"the event {missed.event} is kept: the run {missed.run} does not wait for it yet"
    elif missed.run:
        text = f"the event {missed.event} is lost: the run {missed.run} is not live"
    else:
        text = f"the event {missed.event} is lost: nobody waits for it"
    return f"{text}, but for {near}" if near else text
