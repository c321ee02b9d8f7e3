"""``python -m tests.bench.decomposition``: scores decomposers on the benchmark sets and prints one table.

Per case: edge-F1 on the transitive reductions, order-F1 on the transitive closures, exact (equal closures), sound (no
order of the gold is broken), and where the gold has durations the time of the predicted plan over the optimal one, of
sound plans only. The figures are means over the cases of a set.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from tests.bench.decomposition import cases
from tests.bench.decomposition.cases import SETS, Case
from tests.bench.decomposition.decomposers import Claude, Decomposer, chain, model_by_key, parallel, rules
from tests.bench.decomposition.metrics import Score, score

PAID_LIMIT = 50
"""Cases per set for a model that costs money, unless --limit says otherwise."""


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.decomposition", description=__doc__)
    parser.add_argument("--set", action="append", choices=SETS, dest="sets", help="a set; may be repeated")
    parser.add_argument("--limit", type=int, help=f"cases per set; all, and {PAID_LIMIT} for a model that costs money")
    parser.add_argument("--data", type=Path, default=cases.FOLDER, help="the folder of the sets")
    return parser.parse_args(words)


async def scores(decomposer: Decomposer, chosen: Sequence[Case]) -> list[Score]:
    """The score of each case."""
    answers = await asyncio.gather(*(decomposer(case) for case in chosen))
    return [
        score(len(case.steps), edges, case.edges, case.durations) for case, edges in zip(chosen, answers, strict=True)
    ]


def line(name: str, decomposer: str, found: Sequence[Score]) -> list[str]:
    """One line of the table."""
    times = [one.makespan for one in found if one.makespan is not None]
    shares = [[one.edge_f1, one.order_f1, float(one.exact), float(one.sound)] for one in found]
    means = [f"{fmean(column):.3f}" for column in zip(*shares, strict=True)]
    return [name, decomposer, f"{len(found):,}", *means, f"{fmean(times):.2f}" if times else ""]


def table(lines: Sequence[Sequence[str]]) -> Table:
    """Sets by decomposers."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("set", "decomposer"):
        made.add_column(name)
    for name in ("cases", "edge-F1", "order-F1", "exact", "sound", "time / best"):
        made.add_column(name, justify="right")
    before = ""
    for cells in lines:
        if before not in ("", cells[0]):
            made.add_row()
        made.add_row("" if cells[0] == before else cells[0], *cells[1:])
        before = cells[0]
    return made


async def measure(names: Sequence[str], decomposers: Mapping[str, Decomposer], limit: int | None) -> list[list[str]]:
    """The lines of the table."""
    lines = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for kind, decomposer in decomposers.items():
            most = PAID_LIMIT if limit is None and isinstance(decomposer, Claude) else limit
            lines.append(line(name, kind, await scores(decomposer, cases.cases(name, most))))
    return lines


async def run(asked: argparse.Namespace) -> None:
    """Scores everything that can run here."""
    decomposers: dict[str, Decomposer] = {"chain": chain, "parallel": parallel, "rules": rules}
    if (model := model_by_key()) is not None:
        decomposers["claude"] = claude = Claude(model)
    try:
        lines = await measure(asked.sets or list(SETS), decomposers, asked.limit)
    finally:
        if model is not None:
            await model.close()
    Console(width=120, highlight=False).print(table(lines))
    if model is None:
        print("claude was not measured: set ANTHROPIC_API_KEY", file=sys.stderr)
    else:
        print(f"claude: {claude.usage}; {len(claude.failures)} without answer {claude.failures[:3]}", file=sys.stderr)


def main(words: Sequence[str]) -> int:
    """Measures and prints; returns the exit code."""
    asked = options(words)
    if not asked.data.is_dir():
        print(f"{asked.data} is no folder: name that of the benchmark sets with --data", file=sys.stderr)
        return 2
    cases.FOLDER = asked.data
    asyncio.run(run(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
