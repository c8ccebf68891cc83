"""`python -m tests.bench.relay`: the whole server beside a bare aiohttp relay, in the same run.

Rounds alternate between the two, so that a busy machine slows both; medians are reported. Load
generator and sink are processes of their own whose cost is not counted.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from msgspec import Struct

from tests.bench.processes import (
    ENVIRONMENT,
    Process,
    cpu_s,
    memory_mb,
    port_of,
    running,
    serve_arguments,
)

CONNECTIONS = 32
WARM_UP = 500
RATE = 50


class Round(Struct):
    """Messages per second published and delivered, and microseconds of CPU for each."""

    per_second: float
    cpu_us: float


class Contender(Struct):
    """A server under test and what was measured of it."""

    name: str
    process: Process
    port: int
    rounds: list[Round] = []
    latencies_ms: list[float] = []
    messages: int = 0


class Bench:
    """Publishes through a contender to the sink."""

    def __init__(self, sink: Process, sink_port: int) -> None:
        self._sink = sink
        self._target = f"http://127.0.0.1:{sink_port}/hook"
        self._first = count(0, 1_000_000)

    def throughput(self, contender: Contender, messages: int) -> Round:
        before = cpu_s(contender.process)
        sent, arrived = self._publish(contender, messages, 0)
        seconds = (max(arrived.values()) - min(sent.values())) / 1e9
        cpu_us = (cpu_s(contender.process) - before) / messages * 1e6
        return Round(messages / seconds, cpu_us)

    def latencies_ms(self, contender: Contender, messages: int) -> list[float]:
        sent, arrived = self._publish(contender, messages, RATE)
        return [(arrived[number] - at) / 1e6 for number, at in sent.items()]

    def _publish(
        self, contender: Contender, messages: int, rate: int
    ) -> tuple[dict[int, int], dict[int, int]]:
        """When each message was sent and when it arrived."""
        assert self._sink.stdin is not None
        assert self._sink.stdout is not None
        numbers = (messages, CONNECTIONS, rate, next(self._first))
        load = subprocess.run(
            [sys.executable, "-m", "tests.bench.load", str(contender.port), self._target]
            + [str(n) for n in numbers],
            stdout=subprocess.PIPE,
            check=True,
        )
        contender.messages += messages
        print(messages, file=self._sink.stdin, flush=True)
        arrived = dict(json.loads(self._sink.stdout.readline()))
        return {number: sent for number, sent, _ in json.loads(load.stdout)}, arrived


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.relay", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of throughput")
    parser.add_argument("--messages", type=int, default=3_000, help="messages in such a round")
    parser.add_argument(
        "--latency-messages", type=int, default=1_000, help=f"published at {RATE}/s"
    )
    parser.add_argument("--starts", type=int, default=15, help="times to start")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        report_starts(directory, options.starts)
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        bench = Bench(sink, port_of(line))
        contenders = [
            Contender(name, process, port_of(line))
            for name, (process, line) in (
                ("relay", stack.enter_context(running("-m", "tests.bench.bare_relay"))),
                ("qstash-dev", stack.enter_context(running(*serve_arguments(directory / "data")))),
            )
        ]
        measure(bench, contenders, options)


def measure(bench: Bench, contenders: list[Contender], options: argparse.Namespace) -> None:
    for contender in contenders:
        bench.throughput(contender, WARM_UP)
    start_mb = {c.name: memory_mb(c.process) for c in contenders}
    for contender in in_turns(contenders, options.rounds):
        contender.rounds.append(bench.throughput(contender, options.messages))
    for contender in in_turns(contenders, 2):
        contender.latencies_ms += bench.latencies_ms(contender, options.latency_messages // 2)
    for contender in contenders:
        bench.throughput(contender, max(1, 20_000 - contender.messages))
    report(contenders, start_mb)


def in_turns(contenders: list[Contender], rounds: int) -> Iterator[Contender]:
    for number in range(rounds):
        yield from contenders if number % 2 else reversed(contenders)


def report(contenders: list[Contender], start_mb: dict[str, float]) -> None:
    speeds = [median(r.per_second for r in c.rounds) for c in contenders]
    cpus = [median(r.cpu_us for r in c.rounds) for c in contenders]
    ratios = [
        ours.per_second / theirs.per_second
        for theirs, ours in zip(*(c.rounds for c in contenders), strict=True)
    ]
    line("published and delivered", speeds, "/s", f"{median(ratios):.2f} (aim 0.7)")
    line("CPU per message", cpus, "us", f"{cpus[1] / cpus[0]:.2f}")
    for percent in (50, 99):
        values = [percentile(c.latencies_ms, percent) for c in contenders]
        difference = f"{values[1] - values[0]:+.2f} ms"
        line(f"publish to arrival at {RATE}/s, p{percent}", values, "ms", difference)
    line("memory after warm-up", list(start_mb.values()), "MB", "")
    after = [memory_mb(c.process) for c in contenders]
    line(f"memory after {contenders[1].messages:,} messages", after, "MB", "")
    print(f"rounds (of the relay): {' '.join(f'{ratio:.2f}' for ratio in ratios)}")


def line(what: str, values: list[float], unit: str, ratio: str) -> None:
    relay, ours = (f"{value:.{0 if value >= 100 else 2}f} {unit}" for value in values)
    print(f"{what:36} relay {relay:>12}   qstash-dev {ours:>12}   {ratio}", flush=True)


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def report_starts(directory: Path, rounds: int) -> None:
    """Start-up until the ready line, beside an interpreter that imports aiohttp and ends."""
    imports, serves = [], []
    for number in range(rounds + 1):
        start = perf_counter()
        subprocess.run([sys.executable, "-c", "import aiohttp"], check=True, env=ENVIRONMENT)
        imports.append((perf_counter() - start) * 1000)
        start = perf_counter()
        with running(*serve_arguments(directory / f"start{number}")):
            serves.append((perf_counter() - start) * 1000)
    # The first of each fills the file cache.
    bare, ours = median(imports[1:]), median(serves[1:])
    print(f"{'start-up':36} import aiohttp {bare:.0f} ms   serve {ours:.0f} ms   ", end="")
    print(f"{ours / bare:.2f} (aim 1.4)", flush=True)


if __name__ == "__main__":
    main()
