"""What tests of the store begin with."""

from collections.abc import Iterator

import pytest

from tests.store.filled import Filled


@pytest.fixture
def filled() -> Iterator[Filled]:
    """A store in memory, empty as yet."""
    filled = Filled()
    yield filled
    filled.store.close()
