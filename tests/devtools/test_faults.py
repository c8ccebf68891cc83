import pytest

from qstash_dev.devtools.faults import Fault, FaultOrder, fault_of, hint, hit, lost, names_url, pick
from qstash_dev.devtools.faults import answer as fault_answer
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Request, Response, Timing

REQUEST = Request("POST", "http://localhost/a", "http://localhost/a", (), b"", 15_000)


def rule(kind="status", **fields):
    return fault_of(FaultOrder(kind=kind, **fields), "flt_1")


def test_the_first_active_rule_that_matches_is_picked():
    rules = [
        Fault(id="spent", filter="", kind="status", times=2, hits=2),
        Fault(id="other", filter="dest:/b", kind="status"),
        Fault(id="ours", filter="dest:/a", kind="status"),
        Fault(id="late", filter="", kind="latency"),
    ]
    assert pick(rules, lambda r: r.filter != "dest:/b") is rules[2]


def test_a_rule_ends_after_its_times():
    fault = rule(times=2)
    assert hit(fault).is_active
    assert not hit(hit(fault)).is_active


@pytest.mark.parametrize(
    ("filter_", "url", "expected"),
    [
        ("", "http://localhost:3000/a", True),
        ("dest:/api/orders", "http://localhost:3000/api/orders?x=1", True),
        ("dest:/api/*/x", "http://localhost:3000/api/7/x", True),
        ("dest:/api/*/x", "http://localhost:3000/x/api", False),
        ("dest:/a|/b", "http://localhost/b", True),
        ("-dest:/a", "http://localhost/a", False),
        ("LOCALHOST /b", "http://localhost/a", False),
    ],
)
def test_which_publishes_a_fault_refuses(filter_, url, expected):
    assert names_url(rule("publish", filter=filter_), url) is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "status", "status": 99},
        {"kind": "drop", "status": 500},
        {"kind": "latency"},
        {"kind": "latency", "latency_ms": -1},
        {"kind": "status", "times": 0},
        {"kind": "status", "filter": "nonsense:1"},
        {"kind": "publish", "filter": "code:500"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields):
    with pytest.raises(QStashError) as refused:
        fault_of(FaultOrder(**fields), "flt_1")
    assert refused.value.status == 400


def test_a_made_up_outcome_says_so():
    response = fault_answer(rule(), Timing(0))
    assert response.status == 500
    assert hint(response) == "Fault flt_1 answered, not your app."
    dropped = lost(rule("drop"), REQUEST, response)
    assert hint(dropped) == "Fault flt_1 made this up, not your app."
    assert hint(Response(500, (), b"", Timing(0))) is None
