"""The servers that are attacked: those of the API's own tests."""

from tests.api.conftest import api, start_api

__all__ = ["api", "start_api"]
