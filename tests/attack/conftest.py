"""The servers that are attacked: those of the API's own tests; and a browser to do it with."""

from tests.api.conftest import api, start_api
from tests.browser import chromium

__all__ = ["api", "chromium", "start_api"]
