"""The projects here are run as projects of their own: see test_strangers.py."""

import os
from pathlib import Path

import pytest

from tests.sdk.conftest import node_for

collect_ignore = ["fastapi", "django"]
JAVASCRIPT = Path(__file__).parent / "javascript"


@pytest.fixture(scope="session")
def installed_runners(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of Node, with Jest and Playwright's runner; skips where nobody asked for it."""
    asked = os.environ.get("QSTASH_DEV_REQUIRE_NODE") == "1"
    if not (asked or (JAVASCRIPT / "node_modules").exists()):
        pytest.skip("run `npm ci` in tests/strangers/javascript to test with Jest and Playwright")
    return node_for(JAVASCRIPT, tmp_path_factory)
