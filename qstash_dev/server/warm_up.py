"""What a server does once it answers: the first answer can do without it."""

import asyncio
import gc
from importlib import import_module

from qstash_dev.protocol.signature import sign

AFTER_S = 0.05
GC_THRESHOLDS = (10_000, 20, 20)
LATE = (
    "encodings.idna",  # of hosts
    "qstash_dev.config.env_file",
    "qstash_dev.api.control.server",
    "qstash_dev.api.tips",
    "qstash_dev.api.v2.all_routes",
    "qstash_dev.devtools.explain",
    "qstash_dev.store.lists.run_rows",
)
"""Left out of the start; later there might be no descriptor to read them with."""


async def warm_up() -> None:
    """What the first answer can do without, but the first delivery would wait for."""
    await asyncio.sleep(AFTER_S)
    # Imports take a tenth of a second, which those who publish meanwhile do not wait for.
    await asyncio.to_thread(_load)
    # What was made so far stays, and none of it is garbage: nothing searches it any more.
    gc.freeze()
    # Messages make no cycles: what is left to find is rare, and each search costs.
    gc.set_threshold(*GC_THRESHOLDS)


def _load() -> None:
    sign("", b"", "warm-up", 0, "")  # imports PyJWT
    for name in LATE:
        import_module(name)
