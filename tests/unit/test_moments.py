"""When subtasks start and end: by what waits for what, for a slot, and what cannot be known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.estimates.estimate import Estimate
from engine.estimates.moments import Moment, moments
from engine.estimates.prediction import predict
from engine.estimates.view import Slots, View
from engine.model import Standing

CERTAIN = Estimate(2.0, 2.0, 2.0, 9, "subtask")
ROUGH = Estimate(10.0, 5.0, 20.0, 9, "kind")
GUESS = Estimate(2.0, 0.1, 10.0, 9, "any")
NOW = 1_000_000


def foretold(
    *rows: tuple[str, str, str], slots: int = 9, coarse: int = 5_000, estimate: Estimate = CERTAIN
) -> dict[str, Moment]:
    """The moments of subtasks given as (key, status, keys that it needs); ``u...`` is of a kind that is not known."""
    standings = [
        Standing(key, key[0], status, f"{place:02}", NOW - 500 if status == "processing" else None, None, 1.0)
        for place, (key, status, _) in enumerate(rows)
    ]
    view = View(standings, [(key, need) for key, _, needs in rows for need in needs.split()])
    left = view.left(lambda key, _: GUESS if key[0] == "u" else estimate, Slots(slots), NOW)
    return dict(zip(left.keys, moments(left, coarse=coarse), strict=True))


@pytest.mark.parametrize("coarse", [5_000, 0])
def test_dependencies_and_slots_are_waited_for(coarse: int) -> None:
    found = foretold(
        ("a", "processing", ""), ("b", "pending", "a"), ("c", "ready", ""), ("d", "ready", ""), slots=2, coarse=coarse
    )

    assert found == {
        "a": Moment(None, pytest.approx(1.5), 2.0),
        "b": Moment(pytest.approx(1.5), pytest.approx(3.5), 2.0),
        "c": Moment(0.0, pytest.approx(2.0), 2.0),
        "d": Moment(pytest.approx(2.0), pytest.approx(4.0), 2.0),
    }


def test_what_waits_for_a_person_is_not_foretold_and_takes_no_slot_from_the_others() -> None:
    found = foretold(
        ("asks", "awaiting_approval", ""),
        ("bad", "quarantined", ""),
        ("c", "pending", "asks"),
        ("d", "pending", "bad"),
        ("e", "pending", "d"),
        ("f", "ready", ""),
        slots=1,
    )

    assert {key: (moment.start, moment.end) for key, moment in found.items()} == {
        "asks": (None, None),
        "c": (None, None),
        "d": (None, None),
        "e": (None, None),
        "f": (0.0, 2.0),
    }


def test_a_back_off_delays_only_what_waits_for_it() -> None:
    found = foretold(("a", "retrying", ""), ("b", "pending", "a"), ("c", "ready", ""), slots=1)

    assert [found[key].start for key in "abc"] == [None, None, 0.0]


def test_what_was_never_seen_makes_a_guess_of_what_waits_for_it_or_for_its_slot() -> None:
    narrow = foretold(("a", "ready", ""), ("u", "ready", ""), ("b", "pending", "u"), ("c", "ready", ""), slots=1)
    wide = foretold(("a", "ready", ""), ("u", "ready", ""), ("b", "pending", "u"), ("c", "ready", ""))

    assert [narrow[key].start for key in "aubc"] == [0.0, pytest.approx(2.0), None, None]
    assert [wide[key].start for key in "aubc"] == [0.0, 0.0, None, 0.0]
    assert (narrow["u"].end, narrow["u"].seconds, narrow["c"].seconds) == (None, None, 2.0)


@given(st.integers(1, 30), st.integers(1, 4))
def test_the_last_to_end_ends_with_the_task(count: int, slots: int) -> None:
    rows = [Standing(f"k{place}", "k", "ready", f"{place:02}", None, None, 1.0) for place in range(count)]
    left = View(rows, [(f"k{place}", f"k{place // 2}") for place in range(1, count)]).left(
        lambda key, type_: ROUGH, Slots(slots), NOW
    )
    found = moments(left)

    assert all(moment.start is not None and moment.end is not None and moment.start <= moment.end for moment in found)
    last = max(moment.end or 0.0 for moment in found)
    assert last <= predict(left.workload, left.drift).seconds * 1.000001


def test_of_nothing_there_are_no_moments() -> None:
    assert foretold() == {}
