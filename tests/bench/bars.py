"""The bars that a release has to hold, and the table of measured figures beside them."""

import os
from collections.abc import Sequence

from msgspec import Struct

from tests.bench.contest import spread


class Bar(Struct, frozen=True):
    """A limit (`must`) and what is aimed at; `more` is better, or less."""

    what: str
    must: float
    aim: float
    more: bool = False
    unit: str = ""

    def verdict(self, value: float) -> str:
        """In one word."""
        for limit, word in ((self.aim, "aim"), (self.must, "holds")):
            if value >= limit if self.more else value <= limit:
                return word
        return "FAILS"


class Table:
    """Prints a line for each figure as soon as it is known."""

    def __init__(self) -> None:
        self._failed: list[str] = []
        print(f"{'':42} {'figure':>9}   {'quartiles':19} {'must':>7} {'aim':>7}")

    def add(self, bar: Bar, kind: str, values: Sequence[float], details: str = "") -> None:
        """The median of slices against a bar; `details` are the absolute figures behind it."""
        low, middle, high = spread(values)
        sign = ">=" if bar.more else "<="
        limits = f"{sign}{bar.must:<6g} {sign}{bar.aim:<6g}"
        verdict = bar.verdict(middle)
        name = f"{bar.what}, {kind}"
        quartiles = f"{low:.2f} .. {high:.2f}" if len(values) > 1 else ""
        print(
            f"{name:42} {middle:9.2f}   {quartiles:19} {limits} {verdict:6} {details}", flush=True
        )
        if verdict == "FAILS":
            self._failed.append(name)

    def end(self) -> None:
        """Says what does not hold, and how busy the machine is."""
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"load average {load} on {os.cpu_count()} cores")
        print("fails: " + "; ".join(self._failed) if self._failed else "all bars hold")
