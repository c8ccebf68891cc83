"""Made-up requests at a real server; more of them: `python -m tests.attack.fuzz`."""

from tests.attack.fuzz.campaign import fuzz

REQUESTS = 1_500
MAY_GROW_MIB = 24
"""Between the first and the second round: caches fill. It is flat in the long run."""


async def test_no_request_is_answered_by_a_fault_of_ours() -> None:
    report = await fuzz(REQUESTS, seed=1)
    assert report.faults == []
    assert sum(report.sent.values()) == REQUESTS
    assert report.memory_mib[-1] - report.memory_mib[0] < MAY_GROW_MIB
    # Else only guards were tried.
    for surface, statuses in report.statuses.items():
        assert statuses[200] > report.sent[surface] / 10
