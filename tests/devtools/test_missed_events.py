"""Which event was probably meant, as a table."""

import pytest

from qstash_dev.devtools.missed_events import Missed, are_alike, why_unheard

RUN = ("me", "wfr_1", 100)


@pytest.mark.parametrize(
    ("notified", "awaited", "alike"),
    [
        ("order_paid", "order-paid", True),
        ("orderPaid", "order-paid", True),
        ("order-payed", "order-paid", True),
        ("order%20paid", "order paid", True),
        ("order-paid-7 ", "order-paid-7", True),
        ("order-undefined", "order-42", True),
        ("order-42", "order-undefined", True),
        ("order-${id}", "order-42", True),
        ("order-42/wfr_1", "order-42", True),
        ("order-41", "order-42", False),
        ("order-42", "order-422", False),
        ("undefined", "order-42", False),
        ("invoice-paid", "order-shipped", False),
        ("", "order", False),
        ("-", "_", False),
    ],
)
def test_names_are_alike_that_are_the_same_but_for_a_slip(
    notified: str, awaited: str, alike: bool
) -> None:
    assert are_alike(notified, awaited) is alike


@pytest.mark.parametrize(
    ("missed", "why"),
    [
        (Missed("me", "order-paid", at=200), "before this run waited, and such an event is lost"),
        (Missed("me", "order-paid", at=99), ""),
        (
            Missed("me", "order-payed", at=200),
            "order-payed was notified, but",
        ),
        (Missed("you", "order-paid", at=200), "with the token of you, but the run is of me"),
        (Missed("you", "order-payed", at=200), ""),
        (Missed("", "order-payed", at=200), "order-payed was notified, but"),
        (Missed("", "order-paid", at=200), "before this run waited, and such an event is lost"),
        (Missed("me", "order-paid", "wfr_0", at=200), "for the run wfr_0, which is not live"),
        (
            Missed("me", "order-payed", "wfr_1", True, 200),
            "order-payed was notified, but",
        ),
        (Missed("me", "order-payed", "wfr_0", True, 200), ""),
    ],
)
def test_a_run_that_waits_is_told_what_came_instead(missed: Missed, why: str) -> None:
    told = why_unheard("order-paid", RUN, [missed])
    assert why in told
    assert bool(why) == bool(told)
