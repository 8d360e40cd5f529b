"""Speed, size and memory against yardsticks measured in the same minute; all of it takes about ten minutes.

The machine's mood cancels out of a ratio, so the goals are ratios wherever they can be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from ingest import measure_again, measure_ingest
from measure import Failed, Row, say, table
from memory import measure_memory
from screen import measure_screen
from size import measure_size
from start import measure_start
from streams import measure_streams
from tiers import CACHED, measure_tiers

NAMES = ("start", "size", "screen", "tiers", "streams", "ingest", "memory", "again")


def main(arguments: list[str] | None = None) -> int:
    """0; 1 where a goal was missed and --check is given, or where something measured did not work at all."""
    options = _options(arguments)
    measurements: dict[str, Callable[[], list[Row]]] = {
        "start": lambda: measure_start(options.runs or 9, options.openai_path),
        "size": measure_size,
        "ingest": lambda: measure_ingest(options.runs or 3),
        "again": lambda: measure_again(options.runs or 5),
        "memory": measure_memory,
        "screen": measure_screen,
        "tiers": lambda: measure_tiers(options.cached),
        "streams": measure_streams,
    }
    missed = False
    for name in options.what or NAMES:
        try:
            rows = measurements[name]()
        except Failed as failure:
            say(f"{name}: {failure}")
            return 1
        say(f"\n{name}\n{table(rows)}\n")
        missed = missed or not all(row.met for row in rows)
    return int(missed and options.check)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"any of {', '.join(NAMES)} [all]")
    parser.add_argument("--runs", type=int, metavar="N", help="the median of N runs")
    parser.add_argument("--cached", type=int, default=CACHED, metavar="N", help=f"tiers: answers in each [{CACHED}]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    parser.add_argument("--openai-path", metavar="DIR", help="import openai from here, where it is not installed")
    options = parser.parse_args(arguments)
    if unknown := set(options.what) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
