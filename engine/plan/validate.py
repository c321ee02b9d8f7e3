"""The door: a body of ``POST /tasks`` comes out as a ``ValidPlan``, or with every fault that it has.

Nothing is stored before this passed. Above some thousand subtasks it takes long enough (two seconds for 250,000) that
the caller should run it off the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec
from pydantic import ValidationError

from engine.model import Json
from engine.plan.checks import Checks, Limits
from engine.plan.drafts import PLACE, Draft
from engine.plan.faults import Faults, pointer
from engine.plan.order import Order
from engine.plan.plain import check_plain
from engine.plan.schema import TaskRequest
from engine.plan.unsupported import IN_TASK, refusals
from engine.ports import Tool

_FORMS = ("description", "type", "plan")
_ONLY_PLANS = 'only explicit plans are understood so far: send {"plan": {"subtasks": [...]}}'


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
    drafts, ordered = Checks(tools, known_types, plain, limits).checked(_subtasks(body, limits, faults), faults)
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
