"""Checks subtasks, those of a plan and those that grow while a task runs: each by itself, and all together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from engine.model import Json
from engine.plan.drafts import PLACE, Draft, index_keys, read_drafts
from engine.plan.faults import Faults
from engine.plan.inputs import InputChecks
from engine.plan.knots import note_cycles
from engine.plan.links import Implied, Links, Outer
from engine.plan.order import Order, order
from engine.plan.plain import is_plain
from engine.secrets.vault import NONE_ALLOWED, Allowed
from engine.toolport import Tool


class Limits(NamedTuple):
    """How large a plan may be."""

    subtasks: int = 250_000
    edges: int = 1_000_000


class Checks(msgspec.Struct, frozen=True):
    """What subtasks are checked against.

    ``tools`` gives the tool of a type, or None; ``known_types`` are for hints. ``plain`` says that the subtasks hold
    nothing but JSON, ``outer`` what else they may refer to, ``inside`` the place of the subtask that they grow from
    ("" for a plan that was sent). ``secrets`` says what they may hold of secrets.
    """

    tools: Callable[[str], Tool | None]
    known_types: Collection[str]
    plain: bool
    limits: Limits
    outer: Outer = {}
    inside: str = ""
    secrets: Allowed = NONE_ALLOWED

    def checked(self, subtasks: list[Json], faults: Faults) -> tuple[list[Draft], Order | None]:
        """The subtasks as drafts, linked, and their order; None, with faults, when there is none."""
        drafts = read_drafts(subtasks, faults)
        implied = self._connect(drafts, faults)
        return drafts, _ordered(drafts, implied, self.limits, faults)

    def _connect(self, drafts: list[Draft], faults: Faults) -> list[Implied]:
        """Checks each draft and links them; returns the edges that only references imply."""
        keys = index_keys(drafts, faults)
        links = Links(drafts, keys, faults, self.outer, self.inside)
        checks = InputChecks(self.tools, self.known_types, {**self.outer, **keys}, faults, self.secrets)
        for position, draft in enumerate(drafts):
            links.declare(position)
            if self.plain or is_plain([draft.input, draft.over]):
                links.refer(position, *checks.check(draft))
        return links.implied


def _ordered(drafts: list[Draft], implied: list[Implied], limits: Limits, faults: Faults) -> Order | None:
    """The order of the drafts; None, with faults, when there is none or there are too many edges."""
    dependencies = [draft.dependencies for draft in drafts]
    edges = sum(map(len, dependencies))
    if edges > limits.edges:
        detail = f"has {edges:,} dependencies, more than the limit of {limits.edges:,}"
        faults.add(PLACE, f"{detail}; split the task, or raise MAX_PLAN_EDGES")
        return None
    ordered = order(dependencies)
    if ordered.acyclic:
        return ordered
    done = set(ordered.topological)
    note_cycles(drafts, implied, [node for node in range(len(drafts)) if node not in done], faults)
    return None
