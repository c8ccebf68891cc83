"""An app that answers as its path says."""

from tests.process.conftest import app

__all__ = ["app"]
