"""Servers beside each other in the same run: who they are, and publishing through them to the sink.

Slices alternate between contenders, so that a busy machine slows all of them. Load generator and
sink are processes of their own whose cost is not counted.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from statistics import median, quantiles

from msgspec import Struct

from tests.bench.processes import Process, cpu_s

CONNECTIONS = 32
PADDING = 150
WARM_UP = 500


class Round(Struct):
    """Messages per second published and delivered, and microseconds of CPU for each."""

    per_second: float
    cpu_us: float


class Contender(Struct):
    """A server under test, and its port."""

    name: str
    process: Process
    port: int


class Traffic(Struct):
    """Milliseconds from sent to answered, and from sent to arrived, of each message."""

    answered_ms: list[float]
    arrived_ms: list[float]
    seconds: float


class Bench:
    """Publishes through a contender to the sink."""

    def __init__(self, sink: Process, sink_port: int) -> None:
        self._sink = sink
        self.target = f"http://127.0.0.1:{sink_port}/hook"
        self._first = count(0, 1_000_000)

    def throughput(self, contender: Contender, messages: int, *options: str) -> Round:
        """As fast as it goes."""
        before = cpu_s(contender.process)
        traffic = self.traffic(contender, messages, 0, *options)
        cpu_us = (cpu_s(contender.process) - before) / messages * 1e6
        return Round(messages / traffic.seconds, cpu_us)

    def traffic(self, contender: Contender, messages: int, rate: int, *options: str) -> Traffic:
        """At a rate a second (0: as fast as it goes), until all have arrived."""
        numbers = map(str, (messages, CONNECTIONS, rate, next(self._first)))
        arguments = (str(contender.port), self.target, *numbers, *options)
        load = subprocess.run(
            [sys.executable, "-m", "tests.bench.load", *arguments],
            stdout=subprocess.PIPE,
            check=True,
        )
        arrived = self.arrived(messages)
        times = json.loads(load.stdout)
        return Traffic(
            [(answered - sent) / 1e6 for _, sent, answered in times],
            [(arrived[number] - sent) / 1e6 for number, sent, _ in times],
            (max(arrived.values()) - min(sent for _, sent, _ in times)) / 1e9,
        )

    def arrived(self, messages: int) -> dict[int, int]:
        """When each arrived (monotonic ns), by its number, once so many are there."""
        assert self._sink.stdin is not None
        assert self._sink.stdout is not None
        print(messages, file=self._sink.stdin, flush=True)
        return dict(json.loads(self._sink.stdout.readline()))


def in_turns(contenders: Sequence[Contender], rounds: int) -> Iterator[Contender]:
    """Each of them in each round, forth and back."""
    for number in range(rounds):
        yield from contenders if number % 2 else reversed(contenders)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) < 2:
        return (values[0],) * 3
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, median(values), high
