"""Who may judge others by their heartbeats, and commands on their way."""

from __future__ import annotations

import pytest

from engine.command import Answer, Command
from engine.errors import Conflict, EngineError, InvalidInput, NotFound
from engine.ownership import Steady


def test_nobody_is_judged_before_heartbeats_have_come_for_a_while() -> None:
    steady = Steady(3)
    seen = []
    for now in (10, 11, 12, 13, 14):
        steady.beat(now)
        seen.append(steady.long_enough)

    assert seen == [False, False, False, True, True]


def test_after_a_gap_the_while_begins_anew() -> None:
    steady = Steady(3)
    for now in (10, 12, 14):
        steady.beat(now)
    assert steady.long_enough

    steady.beat(17.5)

    assert not steady.long_enough
    steady.beat(20.5)
    assert steady.long_enough


def test_before_the_first_heartbeat_nobody_is_judged() -> None:
    assert not Steady(0).long_enough


@pytest.mark.parametrize(
    "command",
    [
        Command("cancel", "T"),
        Command("pause", "T", by="ada", mode="now", timeout_seconds=2.5, on_timeout="cancel"),
        Command("reject", "T", "key", "ada", "not today"),
    ],
)
def test_a_command_survives_its_way(command: Command) -> None:
    assert Command.decode(command.encode()) == command


@pytest.mark.parametrize("error", [Conflict("it is completed"), NotFound("nobody has that key")])
def test_a_refusal_is_raised_where_it_was_asked_for(error: EngineError) -> None:
    answer = Answer.decode(Answer.refusal(error).encode())

    with pytest.raises(type(error), match=str(error)):
        answer.check()


def test_an_error_that_does_not_travel_keeps_its_message() -> None:
    answer = Answer.decode(Answer.refusal(InvalidInput([])).encode())

    with pytest.raises(EngineError, match=r"0 fault"):
        answer.check()


def test_an_answer_without_a_refusal_says_that_it_was_done() -> None:
    Answer.decode(Answer().encode()).check()
