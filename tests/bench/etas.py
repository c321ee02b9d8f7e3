"""``python -m tests.bench.etas``: how well the engine foretells when a task will have ended, before and while it runs.

The recorded workflows, each run foretold from the other four. The run is replayed in the simulator with its true
durations, in the order that the engine would have chosen; at 10, 50 and 90 % of its subtasks the engine is asked, with
what it could know then: not the sizes of the inputs, which earlier subtasks produce. What is compared is the time that
is left, the harder measure: of the whole, much is over.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

import msgspec
from rich.console import Console
from rich.table import Table

from engine.estimates.drift import Drift
from engine.estimates.estimate import Estimate
from engine.estimates.prediction import Prediction, Workload, predict
from engine.estimates.simulator import by_urgency, network, run
from engine.estimates.urgency import urgency
from engine.plan.order import order
from tests.bench import traces
from tests.bench.estimates import AIMS, guesses, learned
from tests.bench.table import machine
from tests.bench.traces import Run

SLOTS = 16
POINTS = (0.0, 0.1, 0.5, 0.9)
"""Shares of the subtasks that have ended when the engine is asked; 0: before the start, not counted in the aims."""


class Answer(msgspec.Struct, frozen=True):
    """What was foretold of the seconds left, and what they were; ``whole`` is the length of the run."""

    point: float
    prediction: Prediction
    left: float
    whole: float

    @property
    def error(self) -> float:
        """By what factor it was wrong, as the absolute logarithm; a millisecond is the shortest."""
        return abs(math.log(max(self.prediction.seconds, 1e-3) / max(self.left, 1e-3)))

    @property
    def of_whole(self) -> float:
        """The same for the whole run."""
        return abs(math.log((self.whole - self.left + self.prediction.seconds) / self.whole))

    @property
    def covered(self) -> bool:
        """Whether it lay between P10 and P90."""
        return self.prediction.low <= self.left <= self.prediction.high


class Replay:
    """One run, as it would have gone in so many slots.

    Args:
        tasks: of the run.
        expected: what was expected of each.
    """

    def __init__(self, tasks: Run, expected: Sequence[Estimate], slots: int) -> None:
        index = {task.key: number for number, task in enumerate(tasks)}
        self._needs = [sorted({index[parent] for parent in task.parents}) for task in tasks]
        self._seconds = [task.seconds for task in tasks]
        self._types = [task.type for task in tasks]
        self._expected = expected
        self._slots = slots
        medians = [estimate.seconds for estimate in expected]
        rank = urgency(order(self._needs, medians), self._needs, medians, slots)
        self._sequence = by_urgency(rank)
        found = run(network(self._needs, self._sequence), self._seconds, slots)
        self._start, self.whole = found.start, found.makespan
        self._end = [start + seconds for start, seconds in zip(found.start, self._seconds, strict=True)]

    def at(self, point: float) -> Answer | None:
        """What would be foretold when that share of the subtasks has ended; None when nothing is left then."""
        now = sorted(self._end)[math.ceil(point * len(self._end)) - 1] if point else 0.0
        left = [node for node, end in enumerate(self._end) if end > now or not point]
        if not left:
            return None
        drift = Drift()
        for node in set(range(len(self._end))).difference(left):
            drift.add(self._types[node], self._expected[node], self._seconds[node])
        return Answer(point, predict(self._left(left, now), drift), self.whole - now, self.whole)

    def _left(self, left: Sequence[int], now: float) -> Workload:
        place = {node: number for number, node in enumerate(left)}
        needs = [[place[need] for need in self._needs[node] if need in place] for node in left]
        return Workload(
            network=network(needs, [place[node] for node in self._sequence if node in place]),
            estimates=[self._expected[node] for node in left],
            types=[self._types[node] for node in left],
            slots=self._slots,
            elapsed={place[node]: now - self._start[node] for node in left if self._start[node] < now},
        )


def answers(runs: Sequence[Run], slots: int) -> Iterator[Answer]:
    """What is foretold of each run from the others."""
    for number, tasks in enumerate(runs):
        rest = [*runs[:number], *runs[number + 1 :]]
        expected = [guess.estimate for guess in guesses(tasks, rest, learned(rest, False), False)]
        replay = Replay(tasks, expected, slots)
        yield from (answer for point in POINTS if (answer := replay.at(point)) is not None)


def cells(found: Sequence[Answer]) -> list[str]:
    """One line of the table."""
    within = fmean(answer.error < math.log(2) for answer in found)
    return [
        f"{len(found)}",
        f"{fmean(answer.error for answer in found):.3f}",
        f"{within:.1%}",
        f"{fmean(answer.covered for answer in found):.1%}",
        f"{fmean(answer.of_whole for answer in found):.3f}",
    ]


def table(found: dict[str, list[Answer]], name: str) -> Table:
    """By workflow while it runs, then by moment."""
    made = Table(title=name, title_justify="left", box=None, header_style="bold", pad_edge=False)
    made.add_column("")
    for column in ("asked", "mean abs log error", "within factor 2", "P10..P90 covers", "error of the whole"):
        made.add_column(column, justify="right")
    for group, given in found.items():
        made.add_row(group, *cells([answer for answer in given if answer.point]))
    every = [answer for given in found.values() for answer in given]
    for point in POINTS:
        made.add_row(f"at {point:.0%}" if point else "before", *cells([one for one in every if one.point == point]))
    made.add_row("while it runs", *cells(running(found)))
    return made


def running(found: dict[str, list[Answer]]) -> list[Answer]:
    """The answers that the aims are about."""
    return [answer for given in found.values() for answer in given if answer.point]


def missed(found: Sequence[Answer]) -> list[str]:
    """The aims that are not reached."""
    error, covered = fmean(answer.error for answer in found), fmean(answer.covered for answer in found)
    within = fmean(answer.error < math.log(2) for answer in found)
    told = {
        f"error {error:.3f}, not below {AIMS['error']}": error < AIMS["error"],
        f"within a factor 2 {within:.1%}, not above {AIMS['within']:.0%}": within > AIMS["within"],
        f"P10..P90 covers {covered:.1%}": abs(covered - AIMS["covered"]) <= AIMS["margin"],
    }
    return [text for text, reached in told.items() if not reached]


def main(words: Sequence[str]) -> int:
    """Prints the tables; 1 when an aim is missed, 2 when the runs are not there."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.etas", description=__doc__)
    parser.add_argument("--data", type=Path, default=traces.FOLDER, help="the folder of the recorded runs")
    parser.add_argument("--slots", type=int, default=SLOTS)
    asked = parser.parse_args(words)
    groups = traces.repeats(asked.data)
    if not groups:
        print("not measured: the recorded runs are not there; name their folder with --data", file=sys.stderr)
        return 2
    console = Console(width=120, highlight=False)
    found = {group: list(answers(runs, asked.slots)) for group, runs in groups.items()}
    console.print(table(found, f"time left, {asked.slots} slots"), "")
    console.print(machine())
    failures = missed(running(found))
    for failure in failures:
        console.print(f"missed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
