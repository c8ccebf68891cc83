"""Follows the configuration file while the server runs.

What may change does at once; what may not is named; a file that is broken or gone changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from qstash_dev.config import Config, ConfigError, Loaded, Seeds, TryAgain

LOOK_S = 0.5
LONGEST_PAUSE_S = 16.0
Stamp = tuple[int, int, int] | None

Apply = Callable[[Config, Config], Awaitable[None]]
"""Brings a server from the old Config to the new one."""


class Following(Struct):
    """The settings that hold, and the stamp of the file when they were read."""

    loaded: Loaded
    seen: Stamp


async def follow(
    state: Following,
    load_again: Callable[[], Loaded],
    apply: Apply,
    say: Callable[[str], object],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Reloads whenever the file is saved, until cancelled; without a file there is nothing to do.

    What happened since `state.seen` counts. One look every half second costs nothing, and works on
    every file system. What the server cannot take over now, as on a full disk, is tried again.
    """
    path = state.loaded.config.config_file
    if path is None:
        return
    pause_s, told = LOOK_S, ""
    while True:
        await sleep(pause_s)
        former, now = state.seen, stamp(path)
        if now == former:
            continue
        state.seen = now
        try:
            state.loaded = await reload(state.loaded, load_again, apply, say)
            pause_s, told = LOOK_S, ""
        except TryAgain as error:
            state.seen, pause_s = former, min(2 * pause_s, LONGEST_PAUSE_S)
            if str(error) != told:
                say(f"{error} The old settings stay; it is tried again.")
            told = str(error)


def stamp(path: Path | None) -> Stamp:
    """What changes when a file is saved or replaced; `None` while there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


async def reload(
    old: Loaded,
    load_again: Callable[[], Loaded],
    apply: Apply,
    say: Callable[[str], object],
) -> Loaded:
    """The settings that hold now; what changed and what is wrong is said. Raises TryAgain."""
    path = old.config.config_file
    name = path.name if path else "settings"
    if path is not None and (nothing := nothing_in(path)):
        say(f"{name} {nothing}. The old settings stay.")
        return old
    try:
        new = load_again()
        if path is not None and new.config.config_file is None:
            raise ConfigError(name, "has no settings of qstash-dev any more.")
        stubborn = needing_restart(old, new)
        await apply(old.config, new.config)
    except TryAgain:
        raise
    except ConfigError as error:
        say(f"{error} The old settings stay.")
        return old
    if new.config == old.config:
        return new
    say(f"{name} is taken over.")
    if stubborn:
        say(f"Restart needed for: {', '.join(stubborn)}.")
    if parted := parting(old.config.seeds, new.config.seeds):
        say(f"No longer in it, and so forgotten: {', '.join(parted)}.")
    return new


def nothing_in(path: Path) -> str | None:
    """Why a file says nothing. Ours: it is gone, or an editor or a full disk has emptied it, more often
    than that somebody wants all to be forgotten; a remark alone says that.
    """
    found = stamp(path)
    if found is None:
        return "is gone"
    return None if found[1] else "is empty"


def parting(old: Seeds, new: Seeds) -> list[str]:
    """What is forgotten because the file no longer names it."""
    if old == new:
        return []
    from qstash_dev.server import seeds  # only who has any pays for it

    return [seeds.place(seed) for seed in seeds.gone(old, new)]


def needing_restart(old: Loaded, new: Loaded) -> list[str]:
    """Names of changed settings that a running server cannot take over."""
    before = {setting.option.name: setting.texts for setting in old.settings}
    names = [
        setting.option.name
        for setting in new.settings
        if setting.texts != before[setting.option.name] and not setting.option.live
    ]
    tables = ("users", "keys")
    return names + [t for t in tables if getattr(old.config, t) != getattr(new.config, t)]
