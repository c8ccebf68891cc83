"""Tests of other people's apps: a server for a test session, and what a test asks of it.

`Qstash` is for plain tests, `AsyncQstash` the same for tests that await. Knows the control API only.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qstash_dev.testing.aqstash import AsyncQstash
    from qstash_dev.testing.blocking import Qstash
    from qstash_dev.testing.serving import live_app

__all__ = ["AsyncQstash", "Qstash", "live_app"]

_PLACES = {"AsyncQstash": "aqstash", "Qstash": "blocking", "live_app": "serving"}


def __getattr__(name: str) -> object:
    """The names above, when they are asked for: pytest loads this package also where nobody does."""
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
