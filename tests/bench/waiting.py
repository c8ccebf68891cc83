"""`python -m tests.bench.waiting`: many delayed messages and schedules wait; who is due is on time.

Prints the CPU of a server that only waits, and how late messages arrive that are due at moments
spread over some seconds, and that are due all at once.
"""

import argparse
import http.client
import json
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from qstash_dev.protocol import creation
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.store.store import Store
from tests.bench.filled import FAR, START, messages, put_schedules
from tests.bench.processes import Process, cpu_s, memory_mb, port_of, running, serve_arguments
from tests.bench.queries import percentile

AIM_MS = 20
TOKEN = {"Authorization": f"Bearer {DEV_USERS[0].token}"}


def main() -> None:
    """Fill, wait, publish, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.waiting", description=__doc__)
    parser.add_argument("--delayed", type=int, default=50_000)
    parser.add_argument("--schedules", type=int, default=1_000)
    parser.add_argument("--idle-s", type=float, default=10)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        fill(directory / "data", options.delayed, options.schedules)
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        target = f"http://127.0.0.1:{port_of(line)}/hook"
        server, line = stack.enter_context(running(*serve_arguments(directory / "data")))
        print(f"{options.delayed:,} delayed messages and {options.schedules:,} schedules wait:")
        before = cpu_s(server)
        time.sleep(options.idle_s)
        idle = (cpu_s(server) - before) / options.idle_s
        print(f"CPU while idle {idle:.2%}   memory {memory_mb(server):.0f} MB")
        client = http.client.HTTPConnection("127.0.0.1", port_of(line))
        now_ms = time.time_ns() // 1_000_000
        spread = [
            now_ms + random.Random(1).randrange(3_000, 13_000) + n % 1_000 for n in range(1_000)
        ]
        report("1,000 due within ten seconds", publish(client, sink, target, spread))
        report("1,000 due at once", at_once(client, sink, target, 1_000))


def fill(directory: Path, delayed: int, schedules: int) -> None:
    """Write what waits; it is due long after the benchmark."""
    directory.mkdir()
    store = Store.open(directory / "messages.db", lambda commit: None)
    for at, message in enumerate(messages(delayed, random.Random(1)), START):
        spec = replace(message.spec, queue=None, flow=None)
        waiting = replace(message, spec=spec, due_at=FAR, not_before=FAR)
        store.messages.apply(creation.created((waiting,), at))
        if at % 500 == 0:
            store.database.commit()
    put_schedules(store, schedules)
    store.close()


def at_once(
    client: http.client.HTTPConnection, sink: Process, target: str, count: int
) -> list[float]:
    """Publish so many that are due in the same instant; milliseconds by which each came too late."""
    return publish(client, sink, target, [time.time_ns() // 1_000_000 + 3_000] * count)


def publish(
    client: http.client.HTTPConnection, sink: Process, target: str, due_ms: list[int]
) -> list[float]:
    """Publish a message for each moment; milliseconds by which each came too late."""
    items = [
        {
            "destination": target,
            "headers": {"Upstash-Not-Before": f"{at / 1000:.3f}"},
            "body": f'{{"n":"{number:08}"}}',
        }
        for number, at in enumerate(due_ms)
    ]
    client.request("POST", "/v2/batch", json.dumps(items), TOKEN)
    answer = client.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    print(len(due_ms), file=sink.stdin, flush=True)
    assert sink.stdout is not None
    offset_ns = time.time_ns() - time.monotonic_ns()
    arrived = json.loads(sink.stdout.readline())
    return [(at_ns + offset_ns) / 1e6 - due_ms[number] for number, at_ns in arrived]


def report(what: str, late_ms: list[float]) -> None:
    p50, p99 = percentile(late_ms, 50), percentile(late_ms, 99)
    print(
        f"{what:32} late by p50 {p50:6.2f}   p99 {p99:6.2f}   at most {max(late_ms):6.2f} ms",
        end="",
    )
    print(f"   (aim {AIM_MS} at p99); earliest {min(late_ms):+.2f}", flush=True)


if __name__ == "__main__":
    main()
