"""`python -m tests.bench.relay --peers`: other queues that call an app over HTTP, in the same run.

All take the same publishes from the same load generator and deliver to the same sink. BullMQ and the
emulator are enqueued with a library, so a handler of the app stands before them and its CPU counts.
"""

import http.client
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from msgspec import Struct

from tests.bench.contest import WARM_UP, Bench, Contender, Round, in_turns, percentile
from tests.bench.installed import python
from tests.bench.processes import kill, port_of, running, serve_arguments, started
from tests.bench.waiting import TOKEN
from tests.ports import reserved_port

BESIDE = Path(__file__).parent / "peer"
KEPT = 200
DELAY_S = 5
AOF = ("--save", "", "--appendonly", "yes", "--appendfsync")
REDIS = {
    "appendfsync always": (
        (*AOF, "always"),
        "retries, DLQ; no signature; on disk before the answer",
    ),
    "appendfsync everysec": ((*AOF, "everysec"), "the same; a power cut may take a second"),
    "no AOF": (("--save", ""), "the same; keeps nothing"),
}


class Peer(Struct):
    """How to start it, and what it is."""

    name: str
    command: tuple[str, ...]
    words: str
    delays: bool = True


def compare(rounds: int, messages: int, steady_messages: int, rate: int) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        bench = Bench(sink, port_of(line))
        port = stack.enter_context(reserved_port())
        found = {peer.name: peer for peer in _ours(directory) + _others(directory, port)}
        contenders = [_start(stack, peer) for peer in found.values()]
        for contender in contenders:
            bench.throughput(contender, WARM_UP)
        fast: dict[str, list[Round]] = {name: [] for name in found}
        p50: dict[str, list[float]] = {name: [] for name in found}
        for one in in_turns(contenders, rounds):
            fast[one.name].append(bench.throughput(one, messages))
        for one in in_turns(contenders, 2):
            traffic = bench.traffic(one, steady_messages, rate)
            p50[one.name].append(percentile(traffic.arrived_ms, 50))
        kept = _survivors(stack, bench, found, contenders)
    print(f"{'':32} {'messages/s':>10} {'CPU us':>7} {'p50 ms':>7} {'kept':>11}")
    for name, peer in found.items():
        a_second, cpu_us = (
            median(getattr(one, figure) for one in fast[name])
            for figure in ("per_second", "cpu_us")
        )
        figures = (
            f"{a_second:10.0f} {cpu_us:7.0f} {median(p50[name]):7.2f} {kept.get(name, '-'):>11}"
        )
        print(f"{name:32} {figures}   {peer.words}")
    print(
        f"As fast as it goes, {messages:,} a slice; p50 from sent to arrived at {rate}/s; kept: of what"
        f" was acknowledged, delivered after kill -9 of all its processes and a new start."
    )


def _start(stack: ExitStack, peer: Peer) -> Contender:
    process, line = stack.enter_context(started(*peer.command))
    return Contender(peer.name, process, port_of(line))


def _ours(directory: Path) -> list[Peer]:
    """The server under test, and what the other figures are measured against."""
    relay = (python(), "-m", "tests.bench.bare_relay")
    words = "signs, event log, DLQ;"
    return [
        Peer("bare aiohttp relay", relay, "one attempt; no delay, log or signature", False),
        Peer(
            "qstash-dev",
            (python(), *serve_arguments(directory / "data")),
            f"{words} a power cut may take the last commits",
        ),
        Peer("qstash-dev --memory", (python(), *serve_arguments(None)), f"{words} keeps nothing"),
    ]


def _others(directory: Path, port: int) -> list[Peer]:
    """Those that this machine has; says what is missing."""
    peers = []
    lacks = [name for name in ("redis-server", "node") if shutil.which(name) is None]
    if lacks:
        print(f"BullMQ is left out: {' and '.join(lacks)} cannot be found on the PATH.")
    elif not (BESIDE / "node_modules").exists():
        print("BullMQ is left out: run `npm ci` in tests/bench/peer.")
    else:
        for name, (options, words) in REDIS.items():
            (place := directory / name.replace(" ", "-")).mkdir()
            command = ("node", str(BESIDE / "bullmq.mjs"), str(place), *options)
            peers.append(Peer(f"BullMQ, Redis {name}", command, words))
    emulator = shutil.which("gcloud-tasks-emulator")
    if emulator is None:
        print("The emulator of Cloud Tasks is left out: `pipx install gcloud-tasks-emulator`.")
    else:
        words = "retries; no signature, no log; one delivery at a time, polls every 100 ms"
        its_python = str(Path(emulator).resolve().parent / "python")
        command = (its_python, "-W", "ignore", str(BESIDE / "cloud_tasks.py"), str(port))
        peers.append(Peer("gcloud-tasks-emulator", command, words))
    return peers


def _survivors(
    stack: ExitStack, bench: Bench, found: dict[str, Peer], contenders: list[Contender]
) -> dict[str, str]:
    """How many of what each acknowledged, due later, it delivers after a kill and a new start."""
    delaying = [one for one in contenders if found[one.name].delays]
    for place, one in enumerate(delaying):
        client = http.client.HTTPConnection("127.0.0.1", one.port)
        headers = {**TOKEN, "Content-Type": "application/json", "Upstash-Delay": f"{DELAY_S}s"}
        for number in range(place * KEPT, (place + 1) * KEPT):
            client.request("POST", f"/v2/publish/{bench.target}", f'{{"n":"{number:08}"}}', headers)
            answer = client.getresponse()
            assert answer.status in (200, 201), answer.read()
            answer.read()
        kill(one.process)
        _start(stack, found[one.name])
    time.sleep(2 * DELAY_S)
    arrived = [number // KEPT for number in bench.arrived(0)]
    return {one.name: f"{arrived.count(at)} of {KEPT}" for at, one in enumerate(delaying)}
