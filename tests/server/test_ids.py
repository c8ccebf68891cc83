"""Ids look as QStash's do and lie in the order of time."""

import random  # noqa: TID251 - seeded
import re

from qstash_dev.server.ids import id_maker


def test_an_id_is_its_prefix_and_22_unmistakable_characters() -> None:
    new_id = id_maker(random.Random(1), lambda: 1_787_313_600_000)
    for _ in range(1_000):
        assert re.fullmatch(r"msg_[1-9A-HJ-NP-Za-km-z]{22}", new_id("msg_"))


def test_ids_of_one_millisecond_differ() -> None:
    new_id = id_maker(random.Random(1), lambda: 1_787_313_600_000)
    assert len({new_id("msg_") for _ in range(10_000)}) == 10_000


def test_later_ids_are_larger() -> None:
    times = [0, 1, 57, 58, 1_787_313_600_000, 1_787_313_600_001, 58**8 - 1]
    new_id = id_maker(random.Random(1), iter(times).__next__)
    ids = [new_id("msg_") for _ in times]
    assert ids == sorted(ids)
