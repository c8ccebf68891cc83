"""A sender, and a raw server for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from qstash_dev.transport.delivery import Sender
from tests.raw_server import RawServer
from tests.transport.sending import MAX_BODY, NOW


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with AsyncExitStack() as stack:
        yield RawServer(stack)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(lambda: NOW, MAX_BODY)
    yield sender
    await sender.close()
