"""`python -m tests.bench.relay`: the whole server beside a bare aiohttp relay, in the same run.

Slices alternate between the relay, a server with a data directory and one without, so that a busy
machine slows all of them: ratios are what counts. All run as users have it
installed (see `installed`). Each figure is the median of its slices, with quartiles, beside the bar
that it has to hold.
"""

import argparse
import http.client
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.bench import attached, peers, waiting
from tests.bench.bars import Bar, Table
from tests.bench.contest import WARM_UP, Bench, Contender, Round, in_turns, percentile
from tests.bench.installed import python
from tests.bench.processes import ENVIRONMENT, memory_mb, port_of, running, serve_arguments

STEADY = 100
KEPT = 20_000
DUE = 1_000
MIB = 1.048576
THROUGHPUT = {
    "alike": Bar("throughput / relay", 0.75, 0.9, more=True),
    "unlike": Bar("throughput / relay", 0.55, 0.7, more=True),
}
CPU = {
    "alike": Bar("CPU per message / relay", 1.4, 1.2),
    "unlike": Bar("CPU per message / relay", 1.7, 1.2),
}
DELIVERY = Bar(f"delivery p50 at {STEADY}/s / relay", 1.2, 1.0)
PUBLISH = Bar("publish p99 at half load / relay", 4, 2)
START = Bar("first answer / import aiohttp", 1.2, 1.1)
MEMORY = Bar(f"MiB after {KEPT:,} of 1 KB", 65, 60)
BURST = Bar(f"{DUE:,} due at once, p99 late (ms)", 180, 120)
ATTACHED = Bar("publish p99 with the TUI / without", 1.3, 1.1)


class Contest:
    """The contenders of this run; the relay is the first."""

    def __init__(self, stack: ExitStack, directory: Path, options: argparse.Namespace) -> None:
        self._directory = directory
        self._options = options
        self.sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        self.bench = Bench(self.sink, port_of(line))
        self._stack = stack
        self.relay = self._start("relay", "-m", "tests.bench.bare_relay")
        durable = self._start("durable", *serve_arguments(directory / "data"))
        memory = self._start("memory", *serve_arguments(None))
        self.ours = [durable, memory]
        self.all = [self.relay, *self.ours]
        for contender in self.all:
            self.bench.throughput(contender, WARM_UP)

    def _start(self, name: str, *arguments: str) -> Contender:
        process, line = self._stack.enter_context(running(*arguments))
        return Contender(name, process, port_of(line))

    def throughput(self, table: Table) -> None:
        """Both kinds of publishes, as fast as they go."""
        for kind in ("alike", "unlike"):
            options = ["--unlike"] if kind == "unlike" else []
            rounds: dict[str, list[Round]] = {c.name: [] for c in self.all}
            for c in in_turns(self.all, self._options.rounds):
                rounds[c.name].append(self.bench.throughput(c, self._options.messages, *options))
            rates = {name: [r.per_second for r in of] for name, of in rounds.items()}
            cpus = {name: [r.cpu_us for r in of] for name, of in rounds.items()}
            self.rate = min(median(of) for of in rates.values())
            self._add(table, THROUGHPUT[kind], kind, rates, "/s")
            self._add(table, CPU[kind], kind, cpus, "us")

    def delivery(self, table: Table) -> None:
        """From sent to arrived, at a steady rate."""
        p50: dict[str, list[float]] = {c.name: [] for c in self.all}
        for c in in_turns(self.all, 4):
            traffic = self.bench.traffic(c, self._options.steady_messages, STEADY)
            p50[c.name].append(percentile(traffic.arrived_ms, 50))
        self._add(table, DELIVERY, "", p50, "ms")

    def publish(self, table: Table) -> None:
        """From sent to answered, at half of what the slowest can do, once it is under way.

        While the others had their turns its memory was not used, and a virtual machine may take it
        away then: where this was written it took 0.3 us to touch a page again at once, 60 us after 3 s.
        """
        p99: dict[str, list[float]] = {c.name: [] for c in self.all}
        rate = int(self.rate / 2)
        for c in in_turns(self.all, self._options.rounds):
            traffic = self.bench.traffic(c, WARM_UP + self._options.messages, rate)
            p99[c.name].append(percentile(traffic.answered_ms[WARM_UP:], 99))
        self._add(table, PUBLISH, f"{rate}/s", p99, "ms")

    def burst(self, table: Table) -> None:
        """All due in the same instant."""
        for c in self.ours:
            late = []
            client = http.client.HTTPConnection("127.0.0.1", c.port)
            for _ in range(self._options.rounds):
                late.append(
                    percentile(waiting.at_once(client, self.sink, self.bench.target, DUE), 99)
                )
            table.add(BURST, c.name, late)

    def memory(self, table: Table) -> None:
        """Resident after so many messages that are kept."""
        for name, directory in (("durable", self._directory / "kept"), ("memory", None)):
            arguments = serve_arguments(directory, "--max-messages", str(2 * KEPT))
            with running(*arguments) as (process, line):
                c = Contender(name, process, port_of(line))
                self.bench.throughput(c, KEPT, "--padding", "1000")
                table.add(MEMORY, name, [memory_mb(process) / MIB])

    def attached(self, table: Table) -> None:
        """What an attached terminal UI costs those who publish."""
        durable = self.ours[0]
        pairs = attached.rounds(self.bench, durable, self._options.rounds // 2 + 1, 1_000)
        ratios = [with_ui / alone for alone, with_ui in pairs]
        figures = {
            "alone": [alone for alone, _ in pairs],
            "attached": [with_ui for _, with_ui in pairs],
        }
        table.add(ATTACHED, durable.name, ratios, _figures(figures, "ms"))

    def _add(
        self, table: Table, bar: Bar, kind: str, values: dict[str, list[float]], unit: str
    ) -> None:
        """Our figures over the relay's of the same round."""
        for c in self.ours:
            ratios = [
                ours / theirs for ours, theirs in zip(values[c.name], values["relay"], strict=True)
            ]
            both = {name: values[name] for name in (c.name, "relay")}
            label = f"{c.name} {kind}".strip()
            table.add(bar, label, ratios, _figures(both, unit))


def _figures(values: dict[str, list[float]], unit: str) -> str:
    return "   ".join(f"{name} {_rounded(median(of))} {unit}" for name, of in values.items())


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def starts(directory: Path, table: Table, rounds: int) -> None:
    """From nothing to the first answer, beside an interpreter that imports aiohttp and ends.

    In a directory that holds nothing: ours has settings, which users' apps rarely have.
    """
    imports, answers = [], []
    for number in range(rounds + 1):
        start = perf_counter()
        subprocess.run([python(), "-c", "import aiohttp"], check=True, env=ENVIRONMENT)
        imports.append((perf_counter() - start) * 1000)
        start = perf_counter()
        arguments = serve_arguments(directory / f"start{number}")
        with running(*arguments, directory=directory) as (_, line):
            client = http.client.HTTPConnection("127.0.0.1", port_of(line))
            client.request("GET", "/v2/keys", headers=waiting.TOKEN)
            assert client.getresponse().status == 200
            answers.append((perf_counter() - start) * 1000)
    # The first of each fills the file cache.
    ratios = [ours / bare for ours, bare in zip(answers[1:], imports[1:], strict=True)]
    figures = {"import aiohttp": imports[1:], "first answer": answers[1:]}
    table.add(START, "", ratios, _figures(figures, "ms"))


PARTS = ("start", "throughput", "delivery", "publish", "burst", "memory", "attached")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.relay", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="slices of each kind")
    parser.add_argument("--messages", type=int, default=2_000, help="messages in a slice")
    parser.add_argument("--steady-messages", type=int, default=300, help=f"published at {STEADY}/s")
    parser.add_argument("--starts", type=int, default=11, help="times to start")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument(
        "--peers", action="store_true", help="beside other queues that call over HTTP, instead"
    )
    options = parser.parse_args()
    if options.peers:
        peers.compare(options.rounds, options.messages, options.steady_messages, STEADY)
        return
    if "publish" in options.only and "throughput" not in options.only:
        parser.error("publish goes at half of the rate that throughput finds: measure both")
    table = Table()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        if "start" in options.only:
            starts(directory, table, options.starts)
        contest = Contest(stack, directory, options)
        parts: list[tuple[str, Callable[[Table], None]]] = [
            ("throughput", contest.throughput),
            ("delivery", contest.delivery),
            ("publish", contest.publish),
            ("burst", contest.burst),
            ("memory", contest.memory),
            ("attached", contest.attached),
        ]
        for name, measure in parts:
            if name in options.only:
                measure(table)
    table.end()


if __name__ == "__main__":
    main()
