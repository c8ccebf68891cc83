"""What becomes of a database on a disk that is really full: not of a file that may not grow."""

import subprocess
import sys
from pathlib import Path

from tests.own_disk import OWN_DISK, needs_own_disk

ROOT = Path(__file__).parents[2]
pytestmark = needs_own_disk


def becomes(folder: Path, *rooms: int) -> list[str]:
    """What `full_disk.py` prints of each of these."""
    program = f"{sys.executable} -m tests.store.full_disk {folder} {' '.join(map(str, rooms))}"
    script = f"mount -t tmpfs -o size=8m tmpfs {folder} && {program}"
    words = (*OWN_DISK, "sh", "-c", script)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_reset_makes_room_and_a_rescue_that_finds_none_leaves_all_as_it_was(
    tmp_path: Path,
) -> None:
    assert becomes(tmp_path, 0, 200_000, 1_500_000, 2_600_000) == [
        "soon reset 0: refused, 2 messages, 1 users, is whole",
        "soon reset 200000: done, 1 messages, 1 users, is whole",
        "soon reset 1500000: done, 1 messages, 1 users, is whole",
        "soon reset 2600000: done, 1 messages, 1 users, is whole",
        "reset 0: done, 1 messages, 1 users, is whole",
        "reset 200000: done, 1 messages, 1 users, is whole",
        "reset 1500000: done, 1 messages, 1 users, is whole",
        "reset 2600000: done, 1 messages, 1 users, is whole",
        "rescue 0: refused, 2 messages, 1 users, is damaged",
        "rescue 200000: refused, 2 messages, 1 users, is damaged",
        "rescue 1500000: refused, 2 messages, 1 users, is damaged",
        "rescue 2600000: done, 2 messages, 1 users, is whole",
    ]
