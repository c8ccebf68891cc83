import pytest


@pytest.fixture
def shop_url(settings, live_server):
    settings.DJANGO_QSTASH_DOMAIN = live_server.url
    settings.DJANGO_QSTASH_FORCE_HTTPS = False
    return live_server.url
