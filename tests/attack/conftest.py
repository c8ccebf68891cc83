"""The servers that are attacked: those of the API's own tests."""

from tests.api.conftest import api, start_api
from tests.browser import chromium

__all__ = ["api", "chromium", "start_api"]
