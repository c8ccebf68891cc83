"""`python -m tests.bench.queries`: lists, filters and counts at 100,000 messages beside 1,000.

Each request is made over HTTP to a server of its own, in turns. Of every query: p50 and p99 of the
answer, and the ratio; of what has to look into bodies also how long others waited meanwhile.
"""

import argparse
import http.client
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from qstash_dev.protocol.users import DEV_USERS
from tests.bench.filled import START, fill
from tests.bench.processes import port_of, running, serve_arguments

AIM_MS = 20
TOKEN = {"Authorization": f"Bearer {DEV_USERS[0].token}"}
RARE = (
    *("url=http://localhost:3000/api/rare", "path=/api/rare", "queueName=queue-rare"),
    *("topicName=topic-rare", "scheduleId=schedule-rare", "label=rare", "flowControlKey=rare"),
    *("callerIP=10.9.9.9", "host=nowhere"),
)
COMMON = ("queueName=queue1", "topicName=topic1", "label=label1", "host=localhost:3000")


def requests(count: int) -> list[tuple[str, str]]:
    """Method and path of every query, for a server with so many messages."""
    middle = START + count // 2
    events = [f"/v2/events?count=100&{filter_}" for filter_ in ("", *COMMON, *RARE)]
    events += [
        f"/v2/events?count=100&{f}" for f in ("state=ERROR", "state=CANCELED", "state=RETRY")
    ]
    events += [
        f"/v2/events?count=100&messageId=msg_{count // 2:022}",
        f"/v2/events?count=100&fromDate={middle}&toDate={middle + 50}",
        f"/v2/events?count=100&cursor=0-{count}",
        "/v2/events?count=100&order=earliestFirst",
        f"/v2/events?count=100&fromDate={middle}&toDate={middle + count // 10}",
        "/v2/events?count=100&label=rare&state=ERROR",
        "/v2/events?count=100&label=label1&queueName=queue1",
        "/v2/events?count=100&label=label1&path=/api/1",
        "/v2/events?count=100&callerIP=10.0.0.1",
        "/v2/events",
    ]
    dlq = [f"/v2/dlq?{filter_}" for filter_ in ("", *COMMON[:3], *RARE[:1], *RARE[2:8])]
    dlq += ["/v2/dlq?responseStatus=418", "/v2/dlq?responseStatus=404"]
    dlq += [f"/v2/dlq?fromDate={middle}"]
    dev = [f"/_dev/snapshot?filter={filter_}" for filter_ in ("", *FILTERS)]
    dev += [f"/_dev/logs?filter={filter_}" for filter_ in ("", *FILTERS)]
    dev += [f"/_dev/messages/msg_{count // 2:022}"]
    dev += ["/_dev/dlq", "/v2/queues", "/v2/queues/queue1", "/v2/schedules", "/_dev/schedules"]
    dev += ["/v2/topics", "/_dev/groups"]
    cancels = [
        ("DELETE", f"/v2/messages?{filter_}") for filter_ in (*RARE[1:], "url=http://nowhere")
    ]
    return [("GET", path) for path in (*events, *dlq, *dev)] + cancels


FILTERS = (
    *("state:failed", "state:delayed", "queue:queue1", "queue:queue-rare", "label:label1"),
    *(
        "label:rare",
        "dest:/api/1",
        "dest:/api/rare",
        "is:external",
        "state:canceled",
        "-dest:localhost",
    ),
    *("state:failed+dest:/api/1+label:label1", "code:418", "code:2xx", "try:>3", "age:<1h"),
)
SCANS = ("body:needle", "needle", "header:x-tenant=nobody", "id:msg_x")


class Server:
    """A server with so many messages, and how long its answers took."""

    def __init__(self, stack: ExitStack, directory: Path, count: int) -> None:
        fill(directory, count)
        more = ("--max-messages", "10000000", "--max-age", "3650d")
        _, line = stack.enter_context(running(*serve_arguments(directory, *more)))
        self.port = port_of(line)
        self._client = http.client.HTTPConnection("127.0.0.1", self.port)

    def ask_ms(self, method: str, path: str) -> float:
        """Milliseconds until the answer is there, whole."""
        start = perf_counter()
        self._client.request(method, path, headers=TOKEN)
        answer = self._client.getresponse()
        text = answer.read()
        assert answer.status < 300, (method, path, text)
        return (perf_counter() - start) * 1000


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.queries", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=200)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        small = Server(stack, directory / "small", 1_000)
        large = Server(stack, directory / "large", options.messages)
        print(f"{'p50 / p99 in ms':66} {'1,000':>13} {options.messages:>13,}   p99 ratio")
        worst = 0.0
        pairs = zip(requests(1_000), requests(options.messages), strict=True)
        for (method, few), (_, many) in pairs:
            times = [
                (small.ask_ms(method, few), large.ask_ms(method, many))
                for _ in range(options.repeat)
            ]
            worst = max(worst, line(f"{method} {many}", times))
        print(f"the slowest p99 is {worst:.1f} ms (aim {AIM_MS})")
        scans(small, large, options.repeat // 6)


def scans(small: Server, large: Server, repeat: int) -> None:
    """Filters that need every message; meanwhile others are asked for the time of day."""
    print("\nfilters of people, which may have to look at every message; others wait meanwhile:")
    for filter_ in SCANS:
        path = f"/_dev/messages?filter={filter_}"
        with Pinger(large.port) as pinger:
            times = [(small.ask_ms("GET", path), large.ask_ms("GET", path)) for _ in range(repeat)]
        line(f"GET {path}", times, f"   others p99 {percentile(pinger.times_ms, 99):.1f} ms")


class Pinger:
    """Asks the server something simple all the time, to see how long its loop is busy."""

    def __init__(self, port: int) -> None:
        self.times_ms: list[float] = []
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ping)

    def __enter__(self) -> "Pinger":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ping(self) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self._port)
        while not self._stop.wait(0.002):
            start = perf_counter()
            client.request("GET", "/v2/keys", headers=TOKEN)
            client.getresponse().read()
            self.times_ms.append((perf_counter() - start) * 1000)


def line(what: str, times: list[tuple[float, float]], more: str = "") -> float:
    """Print a query; returns its p99 with many messages."""
    few, many = ([pair[n] for pair in times] for n in (0, 1))
    p99 = percentile(many, 99)
    ratio = p99 / percentile(few, 99)
    mark = "" if p99 < AIM_MS else " !"
    shown = " ".join(f"{percentile(v, 50):6.2f}/{percentile(v, 99):6.2f}" for v in (few, many))
    print(f"{what[:66]:66} {shown}   {ratio:5.1f}{mark}{more}", flush=True)
    return p99


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


if __name__ == "__main__":
    main()
