"""`python -m tests.bench.attached`: what an attached terminal UI costs those who publish.

Rounds with and without the UI alternate against the same server; about 1,000 events a second pass.
The p99 of a publish, from sent to answered, is compared; what the UI's own start costs, which is once,
is over by then.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.contest import WARM_UP, Bench, Contender, percentile
from tests.bench.processes import port_of, running, serve_arguments
from tests.bench.tui import Terminal

RATE = 333
"""Messages a second; each makes three events: created, active, delivered."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.attached", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind")
    parser.add_argument("--messages", type=int, default=2_000, help="messages in a round")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        bench = Bench(sink, port_of(line))
        process, line = stack.enter_context(running(*serve_arguments(directory / "data")))
        server = Contender("qstash-dev", process, port_of(line))
        bench.traffic(server, options.messages, RATE)  # warm-up
        report(rounds(bench, server, options.rounds, options.messages))


def rounds(bench: Bench, server: Contender, count: int, messages: int) -> list[tuple[float, float]]:
    """The p99 of milliseconds from sent to answered, alone and with the UI, of each round."""
    pairs = []
    for _ in range(count):
        alone = publish_p99_ms(bench, server, messages)
        terminal = Terminal(f"http://127.0.0.1:{server.port}")
        assert terminal.is_drawn.wait(30)
        pairs.append((alone, publish_p99_ms(bench, server, messages)))
        terminal.end()
    return pairs


def publish_p99_ms(bench: Bench, server: Contender, messages: int) -> float:
    """The p99 of milliseconds from sent to answered, once all have arrived."""
    bench.traffic(server, WARM_UP, RATE)
    return percentile(bench.traffic(server, messages, RATE).answered_ms, 99)


def report(pairs: list[tuple[float, float]]) -> None:
    alone, attached = (median(of) for of in zip(*pairs, strict=True))
    print(f"publish p99 at {RATE}/s, no terminal UI    {alone:8.2f} ms")
    print(f"publish p99 at {RATE}/s, UI attached       {attached:8.2f} ms")
    print(f"ratio of the medians                   {attached / alone:8.2f}    (aim 1.3)")
    print("rounds:", " ".join(f"{a:.1f}/{b:.1f}" for a, b in pairs))


if __name__ == "__main__":
    main()
