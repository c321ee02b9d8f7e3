"""Plans for tests, in the words of ``POST /tasks``, and the same as the graph stores them."""

from __future__ import annotations

import itertools
import time

from engine.model import Json, NewTask
from engine.plan.build import build
from engine.plan.checks import Limits
from engine.plan.ids import Ulids
from engine.plan.validate import validate
from engine.tools.calculate import Calculate
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from engine.tools.sleep import Sleep

Body = dict[str, Json]

_ULIDS = Ulids()


def step(key: str, *needs: str, type: str = "noop", **fields: Json) -> Body:
    """One subtask that depends on ``needs``; ``fields`` are input, priority, map, critical and so on."""
    return {"key": key, "type": type, "dependencies": list(needs), **fields}


def plan(*steps: Body, **common: Json) -> Body:
    """A body of ``POST /tasks``; ``common`` are its fields beside the plan."""
    return {"plan": {"subtasks": list(steps)}, **common}


def independent(number: int, **common: Json) -> Body:
    """``number`` subtasks that wait for nothing."""
    return plan(*(step(f"k{index}") for index in range(number)), **common)


def chain(length: int, **common: Json) -> Body:
    """One after the other."""
    pairs = itertools.pairwise(range(length))
    return plan(step("k0"), *(step(f"k{after}", f"k{before}") for before, after in pairs), **common)


def diamond(width: int, **common: Json) -> Body:
    """``top``, then ``width`` subtasks ``m0``, ``m1``, ... at once, then ``end``."""
    middle = [f"m{index}" for index in range(width)]
    return plan(step("top"), *(step(key, "top") for key in middle), step("end", *middle), **common)


def new_task(body: Body, at: int | None = None) -> NewTask:
    """The body as the engine would hand it to the graph.

    Args:
        body: a plan of noop, sleep and calculate.
        at: when it was made, in milliseconds; now unless given.
    """
    tools = ToolRegistry([Noop(), Sleep(), Calculate()])
    now = at or time.time_ns() // 1_000_000
    return build(validate(body, tools.get, tools.names(), Limits()), _ULIDS.new(now), now)


def fresh_id() -> str:
    """A ULID, for engines and tasks of a test's own."""
    return _ULIDS.new(time.time_ns() // 1_000_000)
