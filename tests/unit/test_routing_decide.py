"""Which tool is chosen, what takes over for it, and what is said about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from engine.model import Json
from engine.routing.decide import TRIES, Order, Picked, Seen, judge, ordered, pick, weigh
from engine.routing.recent import Recent
from engine.routing.rules import Option, Rule, read_rules

TOOLS = ["fast", "slow", "flaky"]
KNOWN = [Seen(50, 0.1, 1.0), Seen(50, 1.0, 1.0), Seen(50, 0.1, 0.5)]


def rule(strategy: str = "auto", candidates: Json = ("fast", "slow", "flaky"), **fields: Json) -> Rule:
    given = {"name": "r", "strategy": strategy, "candidates": list(candidates), **fields}
    return read_rules({"rules": [given]}, TOOLS).rules[0]


def chance(*numbers: float) -> Callable[[], float]:
    found: Iterator[float] = iter(numbers)
    return lambda: next(found)


def first(given: Rule, seen: list[Seen], turn: int = 0, *numbers: float) -> str:
    order = ordered(given, judge(given, seen, 2.0) if seen else None, turn, chance(*(numbers or (1.0,))))
    assert sorted(order.numbers) == [0, 1, 2]
    return TOOLS[order.numbers[0]]


def test_fixed_takes_the_first_and_round_robin_one_after_the_other() -> None:
    assert [first(rule("fixed"), [], turn) for turn in range(3)] == ["fast"] * 3
    assert [first(rule("round_robin"), [], turn) for turn in range(5)] == ["fast", "slow", "flaky", "fast", "slow"]


def test_auto_takes_what_is_expected_to_be_done_first() -> None:
    order = ordered(rule(), judge(rule(), KNOWN, 2.0), 0, chance(1.0))
    assert order.numbers == (0, 1, 2), "a failure costs the wait before the repeat as well"
    assert order.why == (
        "auto: fast in 0.1 s (100% succeed), before slow in 1 s (100% succeed), before flaky in 2.2 s (50% succeed)"
    )
    assert ordered(rule(), judge(rule(), KNOWN, 0.1), 0, chance(1.0)).numbers == (0, 2, 1)


@pytest.mark.parametrize(
    ("running", "limit", "tool"), [(9, 10, "fast"), (10, 10, "fast"), (100, 10, "slow"), (10_000, None, "fast")]
)
def test_auto_counts_the_wait_for_a_tool_that_is_full(running: int, limit: int | None, tool: str) -> None:
    assert first(rule(), [Seen(50, 0.1, 1.0, 0.0, running, limit), *KNOWN[1:]]) == tool


def test_auto_weighs_money_against_time() -> None:
    dear = [Seen(50, 0.1, 1.0, 0.02), *KNOWN[1:]]
    assert first(rule(), dear) == "slow", "0.9 s sooner is not worth 1.2 s of money"
    assert first(rule(seconds_per_dollar=10), dear) == "fast"


def test_auto_tries_what_is_not_known_and_counts_the_tries_that_run() -> None:
    unknown = [KNOWN[0], Seen(TRIES - 1, 5.0, 1.0), Seen()]
    assert first(rule(), unknown) == "flaky"
    assert first(rule(), [KNOWN[0], KNOWN[1], Seen(running=TRIES)]) == "fast"


def test_a_tool_that_never_succeeded_comes_last() -> None:
    assert ordered(rule(), judge(rule(), [Seen(9, None, 0.1), *KNOWN[1:]], 2.0), 0, chance(1.0)).numbers == (1, 2, 0)


def test_exploration_tries_each_of_the_others_as_often_as_it_says() -> None:
    random, given = Random(7), rule(exploration=0.3)
    judged = judge(given, KNOWN, 2.0)
    chosen = Counter(TOOLS[ordered(given, judged, 0, random.random).numbers[0]] for _ in range(4_000))
    assert chosen["fast"] == pytest.approx(2_800, rel=0.1)
    assert chosen["slow"] == pytest.approx(600, rel=0.2) == chosen["flaky"]
    assert first(rule(exploration=0.0), KNOWN, 0, 0.0) == "fast"


def picked(given: Rule, **unusable: str) -> Picked | list[str]:
    order = Order((0, 1, 2)[: len(given.candidates)], "because")
    return pick(given.candidates, order, lambda option: unusable.get(option.tool, ""))


def test_what_cannot_be_used_is_passed_over_and_said() -> None:
    chain = rule("fixed", [{"tool": "fast", "fallback": ["flaky", "slow"]}, "slow"])
    assert picked(chain) == Picked(Option("fast"), (Option("flaky"), Option("slow")), "because")
    assert picked(chain, fast="it is ill") == Picked(
        Option("flaky"), (Option("slow"),), "because; passed over fast: it is ill"
    )
    assert picked(chain, fast="ill", flaky="ill", slow="full") == ["fast: ill", "flaky: ill", "slow: full"]


def test_a_weight_is_none_for_what_has_never_succeeded() -> None:
    assert [one.score is None for one in weigh(rule(), [Seen(), Seen(3, None), KNOWN[0]], 2.0)] == [True, True, False]


# --- what was seen lately -------------------------------------------------------------------------------------------


def test_what_happened_lately_goes_before_what_was_learned() -> None:
    recent = Recent()
    assert (recent.expected(0.1), recent.expected(None), recent.success(0, 0)) == (0.1, None, 1.0)
    recent.add(9.0)
    assert (recent.expected(0.1), recent.expected(None)) == (0.1, 9.0), "one says little beside what was learned"
    for _ in range(20):
        recent.add(2.0)
    assert recent.expected(0.1) == pytest.approx(2.0, rel=0.3)


def test_a_tool_that_begins_to_fail_is_noticed_soon_and_so_is_its_recovery() -> None:
    recent = Recent()
    for _ in range(10):
        recent.add(None)
    assert recent.success(1_000, 0) < 0.55, "ten failures outweigh a thousand successes of long ago"
    for _ in range(20):
        recent.add(0.1)
    assert recent.success(1_000, 0) > 0.85
