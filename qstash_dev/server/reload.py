"""Follows the configuration file while the server runs.

What may change does at once; what may not is named; a broken file changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from qstash_dev.config import Config, ConfigError, Loaded

LOOK_S = 0.5
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
    every file system.
    """
    path = state.loaded.config.config_file
    if path is None:
        return
    while True:
        await sleep(LOOK_S)
        now = stamp(path)
        if now != state.seen:
            state.seen = now
            state.loaded = await reload(state.loaded, load_again, apply, say)


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
    """The settings that hold now; what changed and what is wrong is said."""
    name = old.config.config_file.name if old.config.config_file else "settings"
    try:
        new = load_again()
        stubborn = needing_restart(old, new)
        await apply(old.config, new.config)
    except ConfigError as error:
        say(f"{error} The old settings stay.")
        return old
    if new.config == old.config:
        return new
    say(f"{name} is taken over.")
    if stubborn:
        say(f"Restart needed for: {', '.join(stubborn)}.")
    return new


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
