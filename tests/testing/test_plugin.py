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
def run(pytester):
    """Runs a file of tests in a process of its own; strict, as a project that expects the best."""

    def run(text, *args):
        pytester.makepyfile(PUBLISH + text)
        pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers")
        return pytester.runpytest_subprocess(*args, "-p", "no:randomly", "-p", "no:schemathesis")

    return run


def test_the_variables_are_given_back_after_the_test(run):
    done = run(
        """
def test_with(qstash):
    assert os.environ["QSTASH_URL"] == qstash.url

def test_without():
    assert "QSTASH_URL" not in os.environ
"""
    )
    done.assert_outcomes(passed=2)


def test_a_marker_chooses_clock_and_holding(run):
    done = run(
        """
import pytest

@pytest.mark.qstash(clock="real", hold=True, quota="pro")
def test_held(qstash):
    publish("http://127.0.0.1:9/nobody")
    assert [row.state for row in qstash.wait("state:held")] == ["held"]

def test_not_held(qstash):
    publish("http://127.0.0.1:9/nobody")
    qstash.settle()
    qstash.assert_failed("/nobody")
"""
    )
    done.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        ("holds=True", "no setting 'holds': hold, quota, clock"),
        ("quota='free'", "did not start"),
        ("clock='fast'", "mode"),
    ],
)
def test_a_setting_that_does_not_exist_is_a_sentence(run, mark, sentence):
    done = run(f"import pytest\n\n@pytest.mark.qstash({mark})\ndef test(qstash):\n    pass\n")
    assert done.ret != 0
    assert sentence in done.stdout.str() + done.stderr.str()


def test_what_a_failed_test_saw_is_kept(run, pytester):
    text = """
def test_good(qstash):
    publish("http://127.0.0.1:9/good")

def test_bad(qstash):
    publish("http://127.0.0.1:9/bad")
    qstash.settle()
    qstash.assert_delivered()
"""
    run(text, "--qstash-record", "kept").assert_outcomes(passed=1, failed=1)
    (file,) = (pytester.path / "kept").iterdir()
    assert "test_bad" in file.name
    assert [saved["url"] for saved in json.loads(file.read_text())] == ["http://127.0.0.1:9/bad"]


def test_each_worker_has_a_server_of_its_own(run):
    text = "".join(
        f"""
def test_{number}(qstash):
    qstash.assert_nothing_sent()
    publish("http://127.0.0.1:9/{number}")
    qstash.settle()
    qstash.assert_failed("/{number}")
"""
        for number in range(8)
    )
    run(text, "-n", "2").assert_outcomes(passed=8)


def test_a_run_that_asks_for_no_server_starts_none(run):
    done = run(
        """
import sys

def test_nothing():
    assert not [name for name in sys.modules if name.startswith("qstash_dev.client")]
"""
    )
    done.assert_outcomes(passed=1)
