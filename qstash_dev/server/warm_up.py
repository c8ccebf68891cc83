"""What a server does once it answers: the first answer can do without it."""

import asyncio
import gc
from importlib import import_module

from qstash_dev.protocol.signature import sign

AFTER_S = 0.05
GC_THRESHOLDS = (10_000, 20, 20)
LATE = ("qstash_dev.api.control.server", "qstash_dev.devtools.explain")
"""Left out of the start; later there might be no descriptor to read them with."""


async def warm_up() -> None:
    """What the first answer can do without, but the first delivery would wait for."""
    await asyncio.sleep(AFTER_S)
    sign("", b"", "warm-up", 0, "")  # imports PyJWT
    for name in LATE:
        await asyncio.sleep(0)
        import_module(name)
    gc.collect()
    gc.freeze()
    # Messages make no cycles: what is left to find is rare, and each search costs.
    gc.set_threshold(*GC_THRESHOLDS)
