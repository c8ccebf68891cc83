import pytest
from shop import app

from qstash_dev.testing import live_app


@pytest.fixture(scope="session")
def shop_url():
    with live_app(app) as url:
        yield url
