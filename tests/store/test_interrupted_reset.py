"""A reset that is killed or fails at any point: all is as before, or as after it, and goes on."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="rounds are forks")
def test_a_reset_is_whole_or_has_not_been(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.store.interrupted_reset", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    rounds = Counter(done.stdout.splitlines())
    # What is told after a failure is kept as well.
    assert rounds.pop("be_killed nothing 20 2 ok") > 10
    assert rounds.pop("fail refused 20 3 ok") > 10
    assert rounds == {"be_killed done 0 3 ok": 1, "fail done 0 3 ok": 1}
