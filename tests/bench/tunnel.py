"""`python -m tests.bench.tunnel`: deliveries through the ingress beside direct ones, in the same run.

Direct: one server delivers to the sink. Through: a server that stands in for the cloud delivers to
the ingress of a second one, which verifies, records and forwards to the sink. Rounds alternate; the
ratio of the medians is what counts. Two servers share the machine in the second case.
"""

import argparse
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from qstash_dev.protocol.users import DEV_USERS
from tests.bench.contest import WARM_UP, Bench, Contender, Round, in_turns
from tests.bench.processes import port_of, running, serve_arguments
from tests.ports import reserved_port


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tunnel", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of throughput")
    parser.add_argument("--messages", type=int, default=2_000, help="messages in such a round")
    options = parser.parse_args()
    # The stand-in signs with the public dev keys, so these are the cloud's keys here.
    os.environ["QSTASH_CLOUD_CURRENT_SIGNING_KEY"] = DEV_USERS[0].current_key
    os.environ["QSTASH_CLOUD_NEXT_SIGNING_KEY"] = DEV_USERS[0].next_key
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        sink_port, ingress_port = port_of(line), stack.enter_context(reserved_port())
        outside = ["--public-url", f"http://127.0.0.1:{ingress_port}"]
        outside += ["--ingress-port", str(ingress_port), "--app", f"http://127.0.0.1:{sink_port}"]
        stack.enter_context(running(*serve_arguments(directory / "behind", *outside)))
        benches = {}
        for name, port in (("direct", sink_port), ("ingress", ingress_port)):
            process, line = stack.enter_context(running(*serve_arguments(directory / name)))
            benches[name] = (Contender(name, process, port_of(line)), Bench(sink, port))
        for contender, bench in benches.values():
            bench.throughput(contender, WARM_UP)
        rounds: dict[str, list[Round]] = {name: [] for name in benches}
        for contender in in_turns([c for c, _ in benches.values()], options.rounds):
            bench = benches[contender.name][1]
            rounds[contender.name].append(bench.throughput(contender, options.messages))
        report(rounds)


def report(rounds: dict[str, list[Round]]) -> None:
    rates = {name: median(r.per_second for r in of) for name, of in rounds.items()}
    for name, rate in rates.items():
        print(f"{name:8} {rate:8.0f} messages/s")
    print(f"through the ingress: {rates['ingress'] / rates['direct']:.2f} of direct delivery")


if __name__ == "__main__":
    main()
