"""What a subtask adds to its plan while it runs: the items of a map, and the subtasks that a tool returns.

An attempt that is repeated replaces what the one before had added, also where it adds nothing itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from engine.estimates.learning import Learner
from engine.model import Expand, Growth, Json, NewSubtask
from engine.plan.expansion import Bounds, check_bounds, grown, output_of
from engine.plan.items import followers, items
from engine.plan.spec import Spec
from engine.ports import Graph
from engine.scopes import Scopes
from engine.secrets.vault import Allowed, Vault
from engine.toolport import Tool
from engine.turn import Claim

LARGE = 2_000
"""An expansion with more subtasks than this is checked on a thread, so that the event loop goes on."""
MAPPED_DEPTH = 100
"""Levels of maps inside what has grown; the levels that tools add are the ones to limit."""


class Growing(NamedTuple):
    """How far tasks may grow, and who is told when one does."""

    depth: int
    """Levels below the plan on which tools may add subtasks."""
    room: Callable[[str], int]
    """How many more subtasks a task may get, by its id."""
    types: Callable[[], list[str]]
    """The subtask types that there are."""
    expanded: Callable[[str, list[NewSubtask], int], None]
    """Called with a task's id, what it has grown, and how many subtasks of an earlier attempt it has lost."""
    plan: Callable[[str], str]
    """What plan a task is a run of: its hash."""


class Grower:
    """Adds to the plans of one engine's tasks.

    Args:
        graph: takes what is added.
        scopes: what a map is over.
        tools: the tool of a type.
        learner: says what to expect of what is added.
        growing: how far tasks may grow, and who is told when one does.
        vault: says which secrets an added subtask may name.
    """

    def __init__(
        self,
        graph: Graph,
        scopes: Scopes,
        tools: Callable[[str], Tool | None],
        learner: Learner,
        growing: Growing,
        vault: Vault,
    ) -> None:
        self._graph = graph
        self._scopes = scopes
        self._tools = tools
        self._learner = learner
        self._growing = growing
        self._vault = vault
        self._grew: set[str] = set()

    async def items(self, claim: Claim, spec: Spec, task_input: Json, used: list[str]) -> Json:
        """Adds the items of a mapped subtask; its own output is their number."""
        assert spec.map is not None
        if spec.map.follows is None:
            over = await self._scopes.over(claim.task_id, spec.map, task_input, used)
            growth = items(spec, claim.id, claim.key, claim.type, over)
        else:
            count = await self._scopes.size_of(claim.task_id, spec.map.follows)
            growth = followers(spec, claim.id, claim.key, claim.type, count)
        check_bounds(claim.id, len(growth.children), Bounds(MAPPED_DEPTH, self._growing.room(claim.task_id)))
        expected = self._learner.items(growth.children, self._growing.plan(claim.task_id))
        await self._grow(claim, msgspec.structs.replace(growth, children=expected))
        return {"items": len(growth.children)}

    async def output(self, tool: Tool, claim: Claim, spec: Spec, returned: Json) -> Json:
        """The output of a tool, which may have returned subtasks to add."""
        if not isinstance(returned, Expand):
            if (tool.grows and claim.interrupted) or claim.id in self._grew:
                await self._grow(claim, Growth([]))  # what an earlier attempt had grown is not wanted any more
            return returned
        bounds = Bounds(self._growing.depth, self._growing.room(claim.task_id))
        large = len(returned.subtasks) > LARGE
        expectation = self._learner.expectation(self._growing.plan(claim.task_id), still=large)
        secrets = self._may_name(tool, spec)
        place = (
            claim.id,
            claim.key,
            spec.refs,
            self._tools,
            self._growing.types(),
            bounds,
            expectation.ordered,
            secrets,
        )
        growth = await asyncio.to_thread(grown, returned, *place) if large else grown(returned, *place)
        await self._grow(claim, growth)
        return output_of(returned, growth, claim.key)

    def _may_name(self, tool: Tool, spec: Spec) -> Allowed:
        """Which secrets a tool's subtasks may name: where what it returns comes from outside, those of its own."""
        if not tool.untrusted:
            return self._vault.allowed
        own = frozenset(spec.refs.secrets if spec.refs else ())
        return Allowed(own.__contains__, self._vault.written)

    def done(self, claim: Claim) -> None:
        """It will not run again."""
        self._grew.discard(claim.id)

    async def _grow(self, claim: Claim, growth: Growth) -> None:
        self._grew.add(claim.id)
        dropped = await self._graph.expand(claim, growth)
        self._growing.expanded(claim.task_id, growth.children, dropped)
