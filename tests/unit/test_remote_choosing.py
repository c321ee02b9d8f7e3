"""Which agent gets a subtask, and why none does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.remote.choosing import Fitness, busy, choose, fits, lacking

A = frozenset({"A"})
PLAIN = Fitness("plain", A, 1, 1)


def like(name: str, **fields: Any) -> Fitness:
    return msgspec.structs.replace(PLAIN, agent_id=name, **fields)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (like("x"), like("w", free=0)),
        (like("x"), like("w", capabilities=frozenset({"B"}))),
        (like("x", seconds=1.0), like("w", seconds=3.0)),
        (like("x", slots=4, free=4), like("w", slots=4, free=1)),
        (like("x", known=True), like("w")),
        (like("x", seconds=2.0), like("w", seconds=8.0, known=True)),
        (like("x"), like("w", seconds=1.0)),  # it is to become known
        (like("x"), like("w", capabilities=frozenset({"A", "B", "C"}))),
        (like("x", used=1.0), like("w", used=2.0)),
        (like("a"), like("b")),
    ],
)
def test_the_better_one_is_taken(better: Fitness, worse: Fitness) -> None:
    assert choose(["A"], [better, worse]) == choose(["A"], [worse, better]) == better.agent_id


def test_nobody_is_taken_who_does_not_fit_or_is_busy() -> None:
    assert choose(["A", "B"], [PLAIN]) is None
    assert choose(["A"], [like("x", free=0)]) is None
    assert choose(["A"], []) is None


agents = st.lists(
    st.builds(
        Fitness,
        st.text("abc", min_size=1, max_size=3),
        st.frozensets(st.sampled_from("ABC")),
        st.integers(0, 3),
        st.integers(3, 5),
        st.none() | st.floats(0, 1e9),
        st.booleans(),
        st.floats(0, 1e6),
    )
)


@given(st.frozensets(st.sampled_from("ABC"), min_size=1), agents)
def test_whoever_is_chosen_fits_and_somebody_is_chosen_where_one_fits(required: frozenset[str], there: Any) -> None:
    able = {one.agent_id for one in there if one.free and fits(one.capabilities, required)}
    chosen = choose(required, there)
    assert (chosen in able) if able else chosen is None
    assert not able or lacking(required, there) == ""


def test_what_is_lacking_is_said() -> None:
    assert lacking(["A"], []) == "there are no agents"
    assert lacking(["A", "C"], [PLAIN]) == "none has the capability C"
    assert lacking(["A", "B"], [PLAIN, like("x", capabilities=frozenset({"B"}))]) == "none has all of A, B"
    assert lacking(["A"], [like("x", free=0)]) == ""
    named = like("x", free=0, capabilities=frozenset({"A", "agent:x"}))
    assert lacking(["agent:y"], [named]) == "there is no agent y"
    assert lacking(["agent:x", "B"], [named]) == "the agent x has no B"
    assert lacking(["agent:x", "A"], [named]) == ""
    assert busy(["agent:x", "A"], [named]) == "the agent x is busy"
    assert busy(["A"], [like("x", free=0)]) == "the only agent with A is busy"
    assert busy(["A"], [like("x", free=0), like("y", free=0)]) == "all 2 agents with A are busy"
