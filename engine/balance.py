"""Which tasks an engine gives to another one, so that engines have about the same to do. Pure.

Work is moved only while it waits here for a slot and another engine has less: a task moves as a whole, when nothing of
it runs, so a move costs one write and no attempt. After a move the giver never has less than the taker, so two engines
do not pass a task back and forth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model import Value
from engine.ownerstore import Load

MOST_AT_ONCE = 20
"""Tasks that one look moves; the next look knows what these have changed."""


class Movable(Value, frozen=True):
    """A task that could be moved: its unsettled subtasks, and whether some of them run at this moment."""

    id: str
    unsettled: int
    running: bool = False


Moves = list[tuple[str, str]]
"""Pairs of a task and the engine that it goes to."""


def idlest(loads: Mapping[str, Load]) -> str:
    """The engine with least to do; of several the one with most room, then the first by id."""
    return min(loads, key=lambda id_: (loads[id_].unsettled, -loads[id_].room, id_))


def shares(own: int, slots: int, others: Mapping[str, Load], tasks: Sequence[Movable]) -> Moves:
    """What to move while this engine works on.

    Args:
        own: unsettled subtasks here.
        slots: how many of them run at a time; what fits into them is not worth a move.
        others: what other engines that take tasks say of themselves.
        tasks: what could be moved. Those of which nothing runs go first, and of these the largest that fit.
    """
    loads, left, moves = dict(others), own, Moves()
    for task in sorted(tasks, key=lambda task: (task.running, -task.unsettled, task.id)):
        if not loads or len(moves) == MOST_AT_ONCE or left - slots < task.unsettled:
            continue
        to = idlest(loads)
        if task.unsettled <= min((left - loads[to].unsettled) // 2, loads[to].room):
            moves.append((task.id, to))
            loads[to] = Load(loads[to].unsettled + task.unsettled, loads[to].room - task.unsettled)
            left -= task.unsettled
    return moves


def farewell(others: Mapping[str, Load], tasks: Sequence[Movable]) -> Moves:
    """What an engine that stops gives away: all of which nothing runs, the largest first, each to the idlest then."""
    loads, moves = dict(others), Moves()
    for task in sorted(tasks, key=lambda task: (-task.unsettled, task.id)):
        if loads and not task.running and len(moves) < MOST_AT_ONCE:
            to = idlest(loads)
            moves.append((task.id, to))
            loads[to] = Load(loads[to].unsettled + task.unsettled, loads[to].room - task.unsettled)
    return moves
