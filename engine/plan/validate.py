"""The door: a body of ``POST /tasks`` comes out as a ``ValidPlan``, or with every fault that it has.

Nothing is stored before this passed. Above some thousand subtasks it takes long enough (two seconds for 250,000) that
the caller should run it off the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec
from pydantic import ValidationError

from engine.model import Json
from engine.plan.drafts import PLACE, Draft, index_keys, read_drafts
from engine.plan.faults import Faults, pointer
from engine.plan.inputs import InputChecks
from engine.plan.knots import note_cycles
from engine.plan.links import Implied, Links
from engine.plan.order import Order, order
from engine.plan.plain import check_plain, is_plain
from engine.plan.schema import TaskRequest
from engine.plan.unsupported import IN_TASK, refusals
from engine.ports import Tool

_FORMS = ("description", "type", "plan")
_ONLY_PLANS = 'only explicit plans are understood so far: send {"plan": {"subtasks": [...]}}'


class Limits(NamedTuple):
    """How large a plan may be."""

    subtasks: int = 250_000
    edges: int = 1_000_000


class ValidPlan(msgspec.Struct, frozen=True):
    """A plan without faults, ordered. Dependencies, and everything in ``order``, are indexes into ``subtasks``."""

    request: TaskRequest
    subtasks: list[Draft]
    order: Order

    @property
    def edges(self) -> int:
        """How many dependencies there are, those that references imply included."""
        return sum(len(subtask.dependencies) for subtask in self.subtasks)


def validate(
    body: object, tools: Callable[[str], Tool | None], known_types: Collection[str], limits: Limits
) -> ValidPlan:
    """Checks a body and everything in it; nothing is changed.

    Args:
        body: the parsed JSON or YAML.
        tools: the tool of a type, or None when there is none.
        known_types: the types there are, for hints.
        limits: how large a plan may be.

    Raises:
        InvalidInput: with every fault and its JSON pointer, up to about a hundred.
    """
    faults = Faults()
    plain = check_plain(body, faults)
    request = _envelope(body, faults)
    drafts = read_drafts(_subtasks(body, limits, faults), faults)
    implied = _connect(drafts, tools, known_types, plain, faults)
    ordered = _ordered(drafts, implied, limits, faults)
    faults.raise_any()
    assert request is not None and ordered is not None
    return ValidPlan(request, drafts, ordered)


def _envelope(body: Json, faults: Faults) -> TaskRequest | None:
    """The common fields, and exactly one form, which must be an explicit plan."""
    if not isinstance(body, dict):
        faults.add("", f"should be an object; {_ONLY_PLANS}")
        return None
    forms = [form for form in _FORMS if body.get(form) is not None]
    if len(forms) != 1:
        given = f"has {' and '.join(forms)}" if forms else "has none of them"
        faults.add("", f"should have exactly one of description, type and plan, but {given}; {_ONLY_PLANS}")
    elif forms != ["plan"]:
        faults.add(pointer(*forms), _ONLY_PLANS)
    elif body.get("parameters") is not None:
        faults.add("/parameters", "belongs to a typed task; leave it out beside a plan")
    try:
        request = TaskRequest.envelope(body)
    except ValidationError as error:
        faults.add_shape("", body, error, TaskRequest.model_fields)
        return None
    for path, detail in refusals(request, IN_TASK):
        faults.add(pointer(*path), detail)
    return request


def _subtasks(body: Json, limits: Limits, faults: Faults) -> list[Json]:
    """The raw subtasks; none when there are too many, because checking them is what the limit saves."""
    plan = body.get("plan") if isinstance(body, dict) else None
    subtasks = plan.get("subtasks") if isinstance(plan, dict) else None
    if not isinstance(subtasks, list):
        return []
    if not subtasks:
        faults.add(PLACE, "should have at least one subtask")
    if len(subtasks) > limits.subtasks:
        detail = f"has {len(subtasks):,} subtasks, more than the limit of {limits.subtasks:,}"
        faults.add(PLACE, f"{detail}; split the task, or raise MAX_PLAN_SUBTASKS")
        return []
    return subtasks


def _connect(
    drafts: list[Draft], tools: Callable[[str], Tool | None], known_types: Collection[str], plain: bool, faults: Faults
) -> list[Implied]:
    """Checks each draft and links them; returns the edges that only references imply."""
    keys = index_keys(drafts, faults)
    links = Links(drafts, keys, faults)
    checks = InputChecks(tools, known_types, keys, faults)
    for position, draft in enumerate(drafts):
        links.declare(position)
        if plain or is_plain([draft.input, draft.over]):
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
