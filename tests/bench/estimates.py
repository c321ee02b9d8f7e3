"""``python -m tests.bench.estimates``: how well the engine foretells durations, on recorded runs of the same workflows.

Ten workflows ran five times each. Each run is estimated from the other four (leave one run out), once with each
workflow by itself and once with all in one engine, where kinds of the same name mix; and in the order in which they
ran, each from those before it. The estimator, the profiles and the precedents are the engine's own.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import msgspec
from rich.console import Console
from rich.table import Table

from engine.estimates.estimate import Estimate
from engine.estimates.estimator import Estimator
from engine.estimates.precedents import Precedent, Precedents
from engine.estimates.profile import Kind, Observation, Profile, size_class
from tests.bench import traces
from tests.bench.table import machine
from tests.bench.traces import Run

PRECEDENTS = 3
"""Runs of the same plan that the engine looks at."""
AIMS = {"error": 0.38, "within": 0.85, "covered": 0.80, "margin": 0.03}


class Guess(msgspec.Struct, frozen=True):
    """What was expected of one task, and what it took."""

    estimate: Estimate
    seconds: float

    @property
    def error(self) -> float:
        """By what factor it was wrong, as the absolute logarithm; a millisecond is the shortest."""
        return abs(math.log(max(self.estimate.seconds, 1e-3) / max(self.seconds, 1e-3)))

    @property
    def covered(self) -> bool:
        """Whether it lay between P10 and P90."""
        return self.estimate.low <= self.seconds <= self.estimate.high


class Score(msgspec.Struct, frozen=True):
    """Means over the guesses of one workflow."""

    count: int
    error: float
    within: float
    covered: float

    @staticmethod
    def of(guesses: Sequence[Guess]) -> Score:
        """The score of some guesses."""
        within = fmean(guess.error < math.log(2) for guess in guesses)
        error, covered = fmean(guess.error for guess in guesses), fmean(guess.covered for guess in guesses)
        return Score(len(guesses), error, within, covered)

    @staticmethod
    def mean(scores: Sequence[Score]) -> Score:
        """The mean over workflows, each counting the same."""
        columns = [fmean(getattr(score, name) for score in scores) for name in ("error", "within", "covered")]
        return Score(sum(score.count for score in scores), *columns)


def learned(runs: Iterable[Run], sized: bool) -> dict[Kind, Profile]:
    """The profiles after some runs."""
    profiles: dict[Kind, Profile] = {}
    for run in runs:
        for task in run:
            kinds = [Kind(task.type)] + ([Kind(task.type, "", size_class(task.bytes))] if sized else [])
            for kind in kinds:
                profiles.setdefault(kind, Profile(kind)).add(Observation(task.seconds), 0)
    return profiles


def guesses(run: Run, before: Sequence[Run], profiles: Mapping[Kind, Profile], sized: bool) -> list[Guess]:
    """Each task of a run, from the profiles and the last runs of the same workflow."""
    last = [[Precedent(task.key, task.type, task.seconds) for task in old] for old in before[-PRECEDENTS:]]
    estimator = Estimator(profiles, Precedents(last))
    return [
        Guess(estimator.estimate(task.key, task.type, "", task.bytes if sized else None), task.seconds) for task in run
    ]


Scores = dict[str, Score]


def apart(groups: Mapping[str, list[Run]], sized: bool) -> Scores:
    """Each run from the other four, each workflow by itself."""
    return {name: Score.of(_left_out(runs, [], sized)) for name, runs in groups.items()}


def together(groups: Mapping[str, list[Run]], sized: bool) -> Scores:
    """The same in one engine, which has seen the other workflows before."""
    return {
        name: Score.of(_left_out(runs, [run for other in groups if other != name for run in groups[other]], sized))
        for name, runs in groups.items()
    }


def online(groups: Mapping[str, list[Run]], sized: bool) -> Scores:
    """The runs in their order, each from those before it; the first is not counted."""
    return {
        name: Score.of(
            [
                guess
                for number in range(1, len(runs))
                for guess in guesses(runs[number], runs[:number], learned(runs[:number], sized), sized)
            ]
        )
        for name, runs in groups.items()
    }


def _left_out(runs: Sequence[Run], others: Sequence[Run], sized: bool) -> list[Guess]:
    found = []
    for number, run in enumerate(runs):
        rest = [*runs[:number], *runs[number + 1 :]]
        found += guesses(run, rest, learned([*others, *rest], sized), sized)
    return found


METHODS: dict[str, Callable[[Mapping[str, list[Run]], bool], Scores]] = {
    "apart": apart,
    "together": together,
    "online": online,
}


def table(name: str, scores: Scores) -> Table:
    """One line per workflow and their mean."""
    made = Table(title=name, title_justify="left", box=None, header_style="bold", pad_edge=False)
    made.add_column("workflow")
    for column in ("tasks", "mean abs log error", "within factor 2", "P10..P90 covers"):
        made.add_column(column, justify="right")
    mean = Score.mean(list(scores.values()))
    for group, score in [*scores.items(), ("mean of the workflows", mean)]:
        cells = (f"{score.error:.3f}", f"{score.within:.1%}", f"{score.covered:.1%}")
        made.add_row(group, f"{score.count:,}", *cells)
    return made


def missed(score: Score) -> list[str]:
    """The aims that a mean does not reach."""
    told = {
        f"error {score.error:.3f}, not below {AIMS['error']}": score.error < AIMS["error"],
        f"within a factor 2 {score.within:.1%}, not above {AIMS['within']:.0%}": score.within > AIMS["within"],
        f"P10..P90 covers {score.covered:.1%}, not {AIMS['covered']:.0%} ± {AIMS['margin']:.0%}": abs(
            score.covered - AIMS["covered"]
        )
        <= AIMS["margin"],
    }
    return [text for text, reached in told.items() if not reached]


def main(words: Sequence[str]) -> int:
    """Prints the tables; 1 when an aim is missed, 2 when the runs are not there."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.estimates", description=__doc__)
    parser.add_argument("--data", type=Path, default=traces.FOLDER, help="the folder of the recorded runs")
    groups = traces.repeats(parser.parse_args(words).data)
    if not groups:
        print("not measured: the recorded runs are not there; name their folder with --data", file=sys.stderr)
        return 2
    console = Console(width=120, highlight=False)
    failures = []
    for method, measure in METHODS.items():
        for sized in (False, True):
            name = f"{method}, sizes of the inputs {'known' if sized else 'unknown'}"
            scores = measure(groups, sized)
            console.print(table(name, scores), "")
            if sized and method != "online":  # what the aims are about
                failures += [f"{name}: {text}" for text in missed(Score.mean(list(scores.values())))]
    console.print(machine())
    for failure in failures:
        console.print(f"missed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
