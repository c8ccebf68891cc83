"""`python -m tests.attack.fuzz --requests 100000 --seed 1`: as long as you like."""

import argparse
import asyncio
import sys

from tests.attack.fuzz.campaign import fuzz


def main() -> int:
    """Prints what was seen; 1 when something was wrong."""
    parser = argparse.ArgumentParser(description="Fire made-up requests at a server of its own.")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    report = asyncio.run(fuzz(given.requests, given.seed))
    print("\n".join(report.lines()))
    return 1 if report.faults else 0


sys.exit(main())
