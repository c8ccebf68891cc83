"""`python -m tests.bench.watching`: what watching 20,000 files costs a start, and while idle.

Compared by CPU time with a server that watches nothing, in alternation.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.processes import cpu_s, running, serve_arguments

IDLE_S = 3.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.watching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts of each kind")
    parser.add_argument("--files", type=int, default=20_000, help="files in the watched directory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qstash-bench-") as directory:
        fill(Path(directory), options.files)
        watch = ("--auto-replay", "failed", "--watch", directory)
        plain, watching = zip(
            *((costs(), costs(*watch)) for _ in range(options.rounds)), strict=True
        )
    report("start", [start for start, _ in plain], [start for start, _ in watching])
    report(f"idle for {IDLE_S:g} s", [idle for _, idle in plain], [idle for _, idle in watching])


def fill(root: Path, files: int) -> None:
    """Empty source files as a large monorepo has them, without its node_modules."""
    for number in range(files):
        directory = root / "packages" / f"p{number // 100}" / "src"
        if number % 100 == 0:
            directory.mkdir(parents=True)
        (directory / f"m{number}.ts").write_bytes(b"")


def costs(*options: str) -> tuple[float, float]:
    """Seconds of CPU of a server up to its first line, and while nothing happens."""
    with running(*serve_arguments(None, *options)) as (process, _):
        start = cpu_s(process)
        time.sleep(IDLE_S)
        return start, cpu_s(process) - start


def report(what: str, plain: list[float], watching: list[float]) -> None:
    alone, beside = median(plain), median(watching)
    print(f"CPU of {what:12}  watching nothing {alone:6.3f} s   watching {beside:6.3f} s")


if __name__ == "__main__":
    main()
