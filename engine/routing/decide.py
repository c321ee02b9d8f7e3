"""Which tool runs an attempt, and why. Pure: what is known of the tools, whose turn it is, and chance are handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.model import Value
from engine.routing.rules import Candidate, Option, Rule

TRIES = 3
"""A tool of which fewer attempts are known is tried before it is judged."""
LEAST_SUCCESS = 0.02
"""The least share of attempts that a tool is thought to succeed with: an expected finish stays a number."""


class Seen(Value, frozen=True):
    """What is known of a tool for one input: ``attempts`` that were seen, the ``seconds`` that one takes (None where
    nothing is known), the share that succeeds, US dollars per attempt, how many run now, and how many may.
    """

    attempts: int = 0
    seconds: float | None = None
    success: float = 1.0
    cost: float = 0.0
    running: int = 0
    limit: int | None = None


class Weighed(Value, frozen=True):
    """A candidate by its number, and when it is expected to be done: seconds from now, money counted as time."""

    number: int
    score: float | None
    words: str


class Order(Value, frozen=True):
    """The candidates by their numbers, best first, and why the first is that."""

    numbers: tuple[int, ...]
    why: str


class Judged(Value, frozen=True):
    """What is thought of the candidates: best first, the one to be tried first if any, and why."""

    seen: tuple[Seen, ...]
    best: tuple[int, ...]
    untried: int | None
    why: str


class Picked(Value, frozen=True):
    """What runs, what is left to take over for it, and why."""

    option: Option
    fallback: tuple[Option, ...]
    why: str


def ordered(rule: Rule, judged: Judged | None, turn: int, chance: Callable[[], float]) -> Order:
    """The candidates of a rule in the order in which they are to be had.

    Args:
        rule: with its candidates.
        judged: what is thought of them; only ``auto`` looks at it.
        turn: how often the rule has chosen before.
        chance: numbers from 0 to 1.
    """
    count = len(rule.candidates)
    if count == 1:
        return Order((0,), "the only candidate")
    if rule.strategy == "fixed":
        return Order(tuple(range(count)), f"fixed: the first of {count}")
    if rule.strategy == "round_robin":
        first = turn % count
        return Order((*range(first, count), *range(first)), f"round_robin: number {first + 1} of {count}")
    assert judged is not None
    return _auto(rule, judged, chance)


def judge(rule: Rule, seen: Sequence[Seen], repeat_seconds: float) -> Judged:
    """What is thought of the candidates of a rule by what is known of each.

    Args:
        rule: with its candidates.
        seen: what is known of each.
        repeat_seconds: the wait before a failed attempt is repeated.
    """
    weighed = weigh(rule, seen, repeat_seconds)
    names = [candidate.option.label for candidate in rule.candidates]
    best = tuple(one.number for one in sorted(weighed, key=_by_score))
    untried = [number for number in best if seen[number].attempts + seen[number].running < TRIES]
    if untried:
        first = min(untried, key=lambda number: seen[number].attempts + seen[number].running)
        why = f"auto: {names[first]} is not known well enough ({seen[first].attempts} attempts)"
        return Judged(tuple(seen), best, first, why)
    why = "auto: " + ", before ".join(f"{names[number]} {weighed[number].words}" for number in best)
    return Judged(tuple(seen), best, None, why)


def _auto(rule: Rule, judged: Judged, chance: Callable[[], float]) -> Order:
    best, why = judged.best, judged.why
    if judged.untried is not None:
        first = judged.untried
    elif chance() < rule.exploration:
        first = best[1:][int(chance() * (len(best) - 1))]
        why = f"auto: tries {rule.candidates[first].option.label} to see whether it has changed"
    else:
        return Order(best, why)
    return Order((first, *(number for number in best if number != first)), why)


def _by_score(one: Weighed) -> tuple[bool, float]:
    return one.score is None, one.score or 0.0


def weigh(rule: Rule, seen: Sequence[Seen], repeat_seconds: float) -> list[Weighed]:
    """When each candidate is expected to be done, in the order of the rule."""
    return [_weighed(number, one, rule.seconds_per_dollar, repeat_seconds) for number, one in enumerate(seen)]


def _weighed(number: int, seen: Seen, seconds_per_dollar: float, repeat_seconds: float) -> Weighed:
    """An attempt that fails costs its time, the wait before the next one, and its money."""
    if seen.seconds is None:
        return Weighed(number, None, "has never succeeded" if seen.attempts else "has never run")
    success = max(seen.success, LEAST_SUCCESS)
    wait = 0.0
    if seen.limit is not None:
        wait = max(0, seen.running + 1 - seen.limit) / max(seen.limit, 1) * seen.seconds
    finish = wait + seen.seconds / success + repeat_seconds * (1 - success) / success
    of = "" if seen.limit is None else f" of {seen.limit}"
    run = f", {seen.running} run{of}" if seen.running else ""
    cost = f", ${seen.cost:.4g}" if seen.cost else ""
    words = f"in {finish:.3g} s ({success:.0%} succeed{run}{cost})"
    return Weighed(number, finish + seen.cost / success * seconds_per_dollar, words)


def pick(candidates: Sequence[Candidate], order: Order, usable: Callable[[Option], str]) -> Picked | list[str]:
    """The first candidate that can be used, or for it the first of its fallback chain that can.

    Args:
        candidates: those of the rule.
        order: in which they are to be had.
        usable: why an option cannot be used now; empty when it can.

    Returns:
        What runs; where nothing can be used, why not, one line for each.
    """
    passed: list[str] = []
    for number in order.numbers:
        found = first_of((candidates[number].option, *candidates[number].fallback), usable, passed)
        if found is not None:
            option, rest = found
            return Picked(option, rest, "; ".join([order.why, *(f"passed over {why}" for why in passed)]))
    return passed


def first_of(
    chain: Sequence[Option], usable: Callable[[Option], str], passed: list[str]
) -> tuple[Option, tuple[Option, ...]] | None:
    """The first of a chain that can be used, with what is left after it; notes in ``passed`` why others cannot."""
    for number, option in enumerate(chain):
        why = usable(option)
        if not why:
            return option, tuple(chain[number + 1 :])
        line = f"{option.label}: {why}"
        if line not in passed:
            passed.append(line)
    return None
