"""A disk of its own for a process: one that is small, and full when a test wants it."""

import subprocess

import pytest

OWN_DISK = ("unshare", "--user", "--map-root-user", "--mount")


def _can_mount() -> bool:
    try:
        script = (*OWN_DISK, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
        return not subprocess.run(script, capture_output=True).returncode
    except OSError:
        return False


needs_own_disk = pytest.mark.skipif(not _can_mount(), reason="it needs a namespace of Linux")
