"""An app that answers as its path says."""

from tests.process.conftest import app, launch, start

__all__ = ["app", "launch", "start"]
