"""``python -m tests.bench.schedule``: what the order of the frontier and learned durations are worth.

First the order by itself, on graphs whose shortest schedule is known; then real workflows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.bench.schedule import stg
from tests.bench.schedule.optima import distances


def optima() -> Table:
    """The table of the known optima."""
    cases = stg.cases()
    made = Table(box=None, header_style="bold", pad_edge=False, title=f"{len(cases):,} graphs with a proven optimum")
    made.add_column("order")
    for name in ("above the optimum, mean", "largest", "exact", "ms per case"):
        made.add_column(name, justify="right")
    for found in distances(cases):
        shares = [f"{found.mean:.3%}", f"{max(found.over):.1%}", f"{found.exact:.2%}"]
        made.add_row(found.rule, *shares, f"{found.milliseconds:.2f}")
    return made


def main(words: Sequence[str]) -> int:
    """Measures and prints; returns the exit code."""
    if not stg.FOLDER.is_dir():
        print(f"{stg.FOLDER} is missing: the data of the benchmark is not part of this repository", file=sys.stderr)
        return 2
    Console(width=120, highlight=False).print(optima())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
