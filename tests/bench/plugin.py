"""`python -m tests.bench.plugin`: what the pytest plugin costs.

Its start in a session, beside that of a bare Python, and a test that publishes, fails three times and
settles against one that does nothing. The least of several runs counts: whatever else the machine
does adds to it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from xml.etree import ElementTree

from qstash_dev.testing.process import ServerProcess
from tests.bench.bars import Bar, Table
from tests.process.conftest import clean_environment

RUNS = 5
TESTS = """
import os, urllib.request
import pytest

def publish(url):
    request = urllib.request.Request(
        f"{os.environ['QSTASH_URL']}/v2/publish/{url}", data=b"x",
        headers={"Authorization": f"Bearer {os.environ['QSTASH_TOKEN']}", "Upstash-Retries": "2"},
    )
    urllib.request.urlopen(request).close()

@pytest.mark.parametrize("number", range(50))
def test_with(qstash, number):
    qstash.fail("/mail", status=503, times=3)
    publish("http://127.0.0.1:9/mail")
    qstash.settle()
    qstash.assert_failed("/mail")

@pytest.mark.parametrize("number", range(50))
def test_without(number):
    pass
"""


START = Bar("start of the server, once a session", must=0.5, aim=0.35, unit="s")
TEST = Bar("a test that publishes and settles", must=30, aim=20, unit="ms")


def main() -> None:
    """Print both figures."""
    table = Table()
    bare = min(bare_starts())
    table.add(START, "s", [min(starts())], f"a Python that imports aiohttp: {bare:.2f} s")
    table.add(TEST, "ms", [min(tests()) * 1000], "over one without, set-up included")
    table.end()


def bare_starts() -> Iterator[float]:
    """Seconds of a Python that only has what the server is made with."""
    for _ in range(RUNS):
        began = perf_counter()
        subprocess.run([sys.executable, "-c", "import aiohttp.web"], check=True)
        yield perf_counter() - began


def starts() -> Iterator[float]:
    """Seconds from nothing to a server that answers."""
    for _ in range(RUNS):
        began = perf_counter()
        with ServerProcess():
            yield perf_counter() - began


def tests() -> Iterator[float]:
    """Seconds that a test with the fixture takes over one without, set-up and end included."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_bench.py").write_text(TESTS)
        for _ in range(RUNS):
            command = [sys.executable, "-m", "pytest", "-qq", "-p", "qstash_dev.testing.plugin"]
            environment = clean_environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
            subprocess.run(
                [*command, "--junitxml=report.xml"],
                cwd=directory,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            cases = list(ElementTree.parse(directory / "report.xml").iter("testcase"))
            yield took(cases, "test_with[") - took(cases, "test_without[")


def took(cases: list[ElementTree.Element], name: str) -> float:
    """The median of the tests of a name."""
    return median(float(c.attrib["time"]) for c in cases if c.attrib["name"].startswith(name))


if __name__ == "__main__":
    main()
