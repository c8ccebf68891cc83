"""`python -m tests.bench.attached`: what an attached terminal UI costs those who publish.

Rounds with and without the UI alternate against the same server; about 1,000 events a second pass.
The p99 of a publish, from sent to answered, is compared.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.processes import Process, port_of, running, serve_arguments
from tests.bench.tui import Screen

RATE = 333
"""Messages a second; each makes three events: created, active, delivered."""
CONNECTIONS = 32


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.attached", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind")
    parser.add_argument("--messages", type=int, default=2_000, help="messages in a round")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        target = f"http://127.0.0.1:{port_of(line)}/hook"
        _, line = stack.enter_context(running(*serve_arguments(directory / "data")))
        port = port_of(line)
        publish_p99_ms(sink, port, target, options.messages)  # warm-up
        alone, attached = [], []
        for _ in range(options.rounds):
            alone.append(publish_p99_ms(sink, port, target, options.messages))
            screen = Screen(f"http://127.0.0.1:{port}")
            assert screen.wait_for(b"Messages", 30)
            attached.append(publish_p99_ms(sink, port, target, options.messages))
            screen.process.terminate()
            screen.process.wait(10)
    report(alone, attached)


def publish_p99_ms(sink: Process, port: int, target: str, messages: int) -> float:
    """The p99 of milliseconds from sent to answered, once all have arrived."""
    assert sink.stdin is not None
    assert sink.stdout is not None
    load = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", str(port), target]
        + [str(n) for n in (messages, CONNECTIONS, RATE, 0)],
        stdout=subprocess.PIPE,
        check=True,
    )
    print(messages, file=sink.stdin, flush=True)
    sink.stdout.readline()
    waits = sorted((answered - sent) / 1e6 for _, sent, answered in json.loads(load.stdout))
    return float(waits[len(waits) * 99 // 100])


def report(alone: list[float], attached: list[float]) -> None:
    ratio = median(attached) / median(alone)
    print(f"publish p99 at {RATE}/s, no terminal UI    {median(alone):8.2f} ms")
    print(f"publish p99 at {RATE}/s, UI attached       {median(attached):8.2f} ms")
    print(f"ratio of the medians                   {ratio:8.2f}    (aim 1.3)")
    print("rounds:", " ".join(f"{a:.1f}/{b:.1f}" for a, b in zip(alone, attached, strict=True)))


if __name__ == "__main__":
    main()
