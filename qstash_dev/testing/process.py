"""A server as a process of its own, for as long as a test session needs it."""

import json
import os
import subprocess
import sys
from threading import Thread
from typing import IO, Self

STOP_S = 5.0
COMMAND = (
    *(sys.executable, "-m", "qstash_dev", "serve"),
    *("--memory", "--port", "0", "--output", "json"),
)


class ServerProcess:
    """`qstash-dev serve --memory` on a free port; it is ready when this exists.

    Raises RuntimeError with what the server said when it does not start.
    """

    def __init__(self, *options: str) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("QSTASH")}
        self._process = subprocess.Popen(
            [*COMMAND, *options],
            env=own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()  # closes both
            raise RuntimeError(
                f"The qstash-dev server of this test session did not start: {errors}"
            )
        self.url: str = json.loads(line)["url"]
        # A line for each event: whoever does not read them stops the server.
        streams = self._process.stdout, self._process.stderr
        self._readers = [Thread(target=_drain, args=[stream], daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, by force if it does not listen."""
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()


def _drain(lines: IO[str] | None) -> None:
    assert lines is not None
    with lines:
        for _ in lines:
            pass
