"""The rules of the house hold, and the script that measures them sees what breaks them."""

import ast

import pytest

from tests.house import LONGEST_FILE, LONGEST_FUNCTION, PACKAGE, Module, circles, measure, read

LONG = "def f():\n" + "    pass\n" * LONGEST_FUNCTION


def of(path, text):
    return Module(path, text, ast.parse(text))


def test_the_rules_are_kept():
    assert [figure for figure in measure(read(PACKAGE)) if figure.found] == []


def test_no_import_goes_round_in_a_circle():
    assert circles("qstash_dev") == []


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (of("a.py", LONG), "a.py:1 f: 46"),
        (of("a.py", "\n" * (LONGEST_FILE + 1)), f"a.py: {LONGEST_FILE + 1}"),
        (of("a.py", "loop.create_task(job)"), "a.py:1"),
        (of("a.py", "now = datetime.datetime.now()"), "a.py:1 datetime.datetime.now"),
        (of("a.py", "now = time.time_ns()"), "a.py:1 time.time_ns"),
        (of("protocol/a.py", '"""Rules of our own hours."""\ndef f(): ...'), "protocol/a.py"),
    ],
)
def test_what_breaks_a_rule_is_named(module, found):
    assert [line for figure in measure([module]) for line in figure.found] == [found]


def test_a_name_for_two_ideas_is_named():
    pair = [of("api/carrier.py", ""), of("store/carrier.py", "")]
    assert [line for figure in measure(pair) for line in figure.found] == ["carrier: api, store"]
