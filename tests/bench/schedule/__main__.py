"""``python -m tests.bench.schedule``: what the order of the frontier and learned durations are worth.

First the order by itself, on graphs whose shortest schedule is known. Then real workflows on a real engine on the
embedded graph, in plan order and with what that one run has taught. Which part of the time between plan order and
perfect knowledge is saved is told twice: by the orders, in the simulator, and as measured, with all that the engine
takes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

import structlog
from rich.console import Console
from rich.table import Table

from tests.bench.schedule import live, stg
from tests.bench.schedule.live import SLOTS, Compared
from tests.bench.schedule.optima import distances
from tests.bench.stage import Stage
from tests.bench.table import machine

AIMS = {4: 0.75, 16: 0.75, 64: 0.45}
"""Shares to be saved, by slots."""
LOSS = 0.02
TIMES = 5
"""The loss counts where a subtask takes more than so many turns on average."""


def plain(title: str) -> Table:
    """A table without lines."""
    return Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")


def optima() -> Table:
    """The distance from the known optima."""
    cases = stg.cases()
    made = plain(f"{len(cases):,} graphs with a proven optimum")
    made.add_column("order")
    for name in ("above the optimum, mean", "largest", "exact", "ms per case"):
        made.add_column(name, justify="right")
    for found in distances(cases):
        shares = [f"{found.mean:.3%}", f"{max(found.over):.1%}", f"{found.exact:.2%}"]
        made.add_row(found.rule, *shares, f"{found.milliseconds:.2f}")
    return made


def workflows(found: Sequence[Compared]) -> Table:
    """Each workflow in each number of slots, in seconds."""
    made = plain("Workflows on the engine: measured / simulated in its order, seconds")
    made.add_column("workflow")
    for name in ("slots", "mean subtask", "plan order", "learned", "perfect", "loss", "turn, ms"):
        made.add_column(name, justify="right")
    for one in found:
        made.add_row(
            one.workflow.name,
            str(one.slots),
            f"{one.workflow.mean:.3f}",
            f"{one.fifo.seconds:.2f} / {one.fifo.simulated:.2f}",
            f"{one.learned.seconds:.2f} / {one.learned.simulated:.2f}",
            f"{one.perfect:.2f}",
            f"{one.learned.loss:.1%}",
            f"{1000 * one.learned.turn:.1f}",
        )
    return made


def shares(found: Sequence[Compared]) -> Table:
    """What is saved, by slots: sums over the workflows, each counting by its lower bound."""
    made = plain("Part of the time between plan order and perfect knowledge that is saved")
    made.add_column("slots", justify="right")
    for name in ("by its orders", "aim", "as measured", "loss, median", f"where > {TIMES} turns", "of"):
        made.add_column(name, justify="right")
    for slots in SLOTS:
        of = [one for one in found if one.slots == slots]
        if not of:
            continue
        gap = sum((one.fifo.simulated - one.perfect) / one.bound for one in of)
        saved = sum((one.fifo.simulated - one.learned.simulated) / one.bound for one in of)
        measured = sum((one.fifo.seconds - one.learned.seconds) / one.bound for one in of)
        losses = [one.learned.loss for one in of if one.workflow.mean > TIMES * one.learned.turn]
        made.add_row(
            str(slots),
            f"{saved / gap:.0%}" if gap else "",
            f">= {AIMS[slots]:.0%}",
            f"{measured / gap:.0%}" if gap else "",
            f"{median(one.learned.loss for one in of):.1%}",
            f"{fmean(losses):.1%}" if losses else "",
            f"{len(losses)}",
        )
    return made


async def compare(names: Sequence[str], slots: Sequence[int]) -> list[Compared]:
    """Runs the workflows, those of these names or all."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage("embedded", Path(folder))
        for workflow in live.workflows():
            for number in slots if not names or workflow.name in names else ():
                print(f"{workflow.name}, {number} slots ...", file=sys.stderr, flush=True)
                found.append(await live.compare(stage, workflow, number))
    return found


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.schedule", description=__doc__)
    parser.add_argument("--optima", action="store_true", help="only the graphs with a proven optimum; seconds")
    parser.add_argument("--workflow", action="append", default=[], dest="names", help="a workflow; may be repeated")
    parser.add_argument("--slots", type=int, action="append", choices=SLOTS, help="may be repeated; all unless given")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Measures and prints; 2 when the data is not there."""
    asked = options(words)
    for folder in (stg.FOLDER, live.CORE):
        if not folder.is_dir():
            print(f"not measured: {folder} is missing; the data is not part of this repository", file=sys.stderr)
            return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(width=140, highlight=False)
    console.print(optima(), "")
    if not asked.optima:
        found = asyncio.run(compare(asked.names, asked.slots or SLOTS))
        console.print(workflows(found), "")
        console.print(shares(found), "")
    console.print(machine())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
