"""The graph port: lines of the log are kept, found, and go by age, by number and with their task."""

from __future__ import annotations

from engine.logstore import LogLine, LogWish
from engine.plan.ids import Ulids, first_ulid
from tests.support.graphs import Hand
from tests.support.plans import fresh_id, independent

NOW = 1_795_000_000_000


def lines(task_id: str, *levels: str, start: int = NOW) -> list[LogLine]:
    """A line of each level, a second apart; every other one of key ``b``, whose agent is ``agent-1``."""
    ids = Ulids()
    return [
        LogLine(
            id=ids.new(start + 1000 * number),
            at=start + 1000 * number,
            level=level,
            task_id=task_id,
            key="ab"[number % 2],
            token=1,
            message=f'it\'s "{level}" \\ {{}} $x \u00e9',
            fields='{"n":1}',
            agent_id=("", "agent-1")[number % 2],
            engine="E1",
        )
        for number, level in enumerate(levels)
    ]


async def test_lines_are_found_by_what_they_are(hand: Hand) -> None:
    one, other = fresh_id(), fresh_id()
    own = lines(one, "debug", "info", "warning", "error")
    others = lines(other, "info", start=NOW + 60_000)
    for _ in range(2):  # again after a lost answer
        await hand.graph.put_log(own + others)
    found = hand.graph.log_lines

    assert await found(LogWish()) == (own + others)[::-1]
    assert await found(LogWish(task_id=one)) == own[::-1]
    assert await found(LogWish(task_id=one, key="b")) == [own[3], own[1]]
    assert await found(LogWish(agent_id="agent-1")) == [own[3], own[1]]
    assert await found(LogWish(task_id=one, agent_id="agent-1", level="error")) == [own[3]]
    assert await found(LogWish(level="warning")) == [own[3], own[2]]
    assert await found(LogWish(since=first_ulid(NOW + 3000))) == [*others, own[3]]
    assert await found(LogWish(before=own[1].id)) == [own[0]]
    assert await found(LogWish(limit=2)) == [*others, own[3]]
    assert (await hand.graph.sizes())["LogLine"] == 5


async def test_old_lines_and_those_beyond_a_number_are_removed(hand: Hand) -> None:
    own = lines(fresh_id(), *["info"] * 10)
    await hand.graph.put_log(own)

    assert await hand.graph.log_length() == 10
    await hand.graph.shorten_log(2)
    assert await hand.graph.sweep_log(own[7].id, 3) == 3
    assert await hand.graph.sweep_log(own[7].id, 3) == 2
    assert await hand.graph.sweep_log(own[7].id, 3) == 0
    assert await hand.graph.log_lines(LogWish()) == own[:6:-1]


async def test_the_log_of_a_task_goes_with_it(hand: Hand) -> None:
    task, others = await hand.store(independent(1)), lines(fresh_id(), "info")
    await hand.graph.put_log([*lines(task.id, "info", "info"), *others])
    await hand.discard(task)

    assert await hand.graph.log_lines(LogWish()) == others
