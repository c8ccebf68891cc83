"""A reset that is killed or fails at any point: all is as before, or as after it, and goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEFORE, AFTER = "20", "0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="rounds are forks")
def test_a_reset_is_whole_or_has_not_been(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.store.interrupted_reset", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    rounds = [tuple(line.split(" ", 4)) for line in done.stdout.splitlines()]
    killed = [what for harm, *what in rounds if harm == "be_killed"]
    swap = [doing for doing, *_ in killed].index("os.rename")
    assert swap > 3
    assert {tuple(state) for _, *state in killed[: swap + 1]} == {(BEFORE, "2", "ok")}
    assert {tuple(state) for _, *state in killed[swap + 1 : -1]} == {(AFTER, "2", "ok")}
    # What is told after a failure is kept as well. Without a second name there is no second name.
    assert {tuple(what) for harm, *what in rounds if harm == "fail"} == {
        ("os.chmod", BEFORE, "3", "ok"),
        ("os.link", AFTER, "3", "ok"),
        ("os.rename", BEFORE, "3", "ok"),
        ("nothing", AFTER, "3", "ok"),
    }
