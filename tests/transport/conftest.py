"""A sender, a raw server for it, and a certificate that an app on this machine made for itself."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from qstash_dev.transport.delivery import Sender
from tests.raw_server import RawServer
from tests.transport.sending import MAX_BODY, NOW


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with AsyncExitStack() as stack:
        yield RawServer(stack)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(lambda: NOW, MAX_BODY)
    yield sender
    await sender.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key for `localhost` and this machine's own name, self-signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    own = f"subjectAltName=DNS:localhost,DNS:{socket.gethostname()}"
    names = ["-subj", "/CN=localhost", "-addext", own]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="session")
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """What a server with that certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
