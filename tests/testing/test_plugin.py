"""pytest in pytest: what a stranger's project sees of the plugin."""

import json

import pytest

PUBLISH = """
import os, urllib.request

def publish(url):
    request = urllib.request.Request(
        f"{os.environ['QSTASH_URL']}/v2/publish/{url}", data=b"x",
        headers={"Authorization": f"Bearer {os.environ['QSTASH_TOKEN']}", "Upstash-Retries": "0"},
    )
    urllib.request.urlopen(request).close()
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs a file of tests in a process of its own; strict, as a project that expects the best.

    With `found` the plugin is found by its entry point, as are all others that are installed here.
    """

    def run(text, *args, found=False):
        pytester.makepyfile(PUBLISH + text)
        pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers")
        if not found:
            monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            args = (*args, "-p", "qstash_dev.testing.plugin")
        return pytester.runpytest_subprocess(*args, "-p", "no:randomly", "-p", "no:schemathesis")

    return run


def test_a_stranger_sees_variables_and_settings_for_one_test_alone(run):
    """One run for all: starting a pytest costs more than what is tested."""
    done = run(
        """
import pytest

def test_with(qstash):
    assert os.environ["QSTASH_URL"] == qstash.url

def test_without():
    assert "QSTASH_URL" not in os.environ

@pytest.mark.qstash(clock="real", hold=True, quota="pro")
def test_held(qstash):
    publish("http://127.0.0.1:9/nobody")
    assert [row.state for row in qstash.wait("state:held")] == ["held"]

def test_not_held(qstash):
    publish("http://127.0.0.1:9/nobody")
    qstash.settle()
    qstash.assert_failed("/nobody")

@pytest.mark.qstash(holds=True)
def test_unknown(qstash):
    pass

@pytest.mark.qstash(quota="free")
def test_quota(qstash):
    pass

@pytest.mark.qstash(clock="fast")
def test_clock(qstash):
    pass

@pytest.mark.qstash("real")
def test_unnamed(qstash):
    pass
"""
    )
    done.assert_outcomes(passed=4, errors=4)
    output = done.stdout.str()
    for wrong in ("holds=True", "quota='free'", "clock='fast'", "'real'"):
        assert (
            f"@pytest.mark.qstash takes no {wrong}: expected hold=False or True, quota=" in output
        )


def test_each_worker_has_a_server_of_its_own_and_what_a_failed_test_saw_is_kept(run, pytester):
    text = "".join(
        f"""
def test_{number}(qstash):
    qstash.assert_nothing_sent()
    publish("http://127.0.0.1:9/{number}")
    qstash.settle()
    qstash.assert_failed("/{number if number else "wrong"}")
"""
        for number in range(5)
    )
    done = run(text, "-n", "2", "-p", "xdist", "--qstash-record", "kept")
    done.assert_outcomes(passed=4, failed=1)
    assert "found 0" in done.stdout.str()
    assert "testing/" not in done.stdout.str()  # no frame of ours: the test's own line is the last
    (file,) = (pytester.path / "kept").iterdir()
    assert "test_0" in file.name
    assert [saved["url"] for saved in json.loads(file.read_text())] == ["http://127.0.0.1:9/0"]


def test_a_run_that_asks_for_no_server_starts_none(run):
    done = run(
        """
import sys

def test_nothing():
    assert "qstash_dev.testing.plugin" in sys.modules
    assert not [name for name in sys.modules if name.startswith("qstash_dev.client")]
""",
        found=True,
    )
    done.assert_outcomes(passed=1)


def test_an_app_that_reads_the_variables_when_it_is_imported_finds_them(run, pytester):
    pytester.makeconftest("import os\n\nURL = os.environ['QSTASH_URL']\n")
    text = """
from conftest import URL

def test(qstash):
    assert qstash.url == URL
"""
    run(text, "-o", "qstash_early=true").assert_outcomes(passed=1)
