"""What a running subtask grows: checked like a plan that comes in, and made into nodes below the one that grew them.

Keys are local to an expansion: subtask ``a`` that ``plan`` grows is ``plan[a]`` in its task, as an item of a map is
``m[0]``, and no key of a plan that was sent can look like that. Whoever refers to the output of the parent gets what
its ends produce, unless the tool gave an output of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from engine.errors import Category, Fatal, Fault, InvalidInput, ToolError
from engine.model import Expand, Growth, Json, NewSubtask
from engine.plan.build import Lanes, subtask
from engine.plan.checks import Checks, Limits
from engine.plan.drafts import PLACE, Draft
from engine.plan.faults import Faults
from engine.plan.ids import subtask_id
from engine.plan.order import Order
from engine.plan.plain import check_plain
from engine.plan.spec import Place, Refs, place_id
from engine.secrets.vault import NONE_ALLOWED, Allowed
from engine.states import SubtaskStatus
from engine.toolport import Tool

GROWN = "$grown"
"""The field of a subtask's output that stands for what others produce: by local key the places of the ends."""
_SHOWN = 5


class Bounds(msgspec.Struct, frozen=True):
    """How far a task may grow: levels below its plan, and subtasks that it may still get."""

    depth: int
    room: int


Weigh = Callable[[Sequence[Draft], Order, str], Order]
"""Notes what is expected of subtasks that grow from one of this key, and orders them by that."""


def grown(
    expand: Expand,
    parent_id: str,
    parent_key: str,
    refs: Refs | None,
    tools: Callable[[str], Tool | None],
    known_types: Collection[str],
    bounds: Bounds,
    weigh: Weigh | None = None,
    secrets: Allowed = NONE_ALLOWED,
) -> Growth:
    """The subtasks that ``parent`` adds. ``refs`` are the parent's own: its children may refer to the same. ``weigh``
    orders them by what is expected of them. ``secrets`` says what they may hold of secrets.

    Raises ``ToolError``: (logic) with the first faults of the expansion; (resource) when it exceeds the bounds.
    """
    check_bounds(parent_id, len(expand.subtasks), bounds)
    inside = parent_id.partition(".")[2]
    outer = refs.keys if refs else {}
    faults = Faults()
    plain = check_plain(expand.subtasks, faults)
    if not expand.subtasks:
        faults.add(PLACE, "should have at least one subtask; return the output alone instead")
    checks = Checks(tools, known_types, plain, Limits(), outer, inside, secrets)
    drafts, order = checks.checked(list(expand.subtasks), faults)
    try:
        faults.raise_any()
    except InvalidInput as error:
        raise _refused(error.faults) from None
    assert order is not None
    if weigh is not None:
        order = weigh(drafts, order, parent_key)
    lanes = Lanes(drafts, order, inside)
    nodes = [
        _child(
            subtask(draft, order, lanes, subtask_id(parent_id, draft.index), f"{parent_key}[{draft.key}]"), parent_id
        )
        for draft in drafts
    ]
    return Growth(
        children=[nodes[index] for index in order.topological],
        edges=[
            (nodes[index].id, nodes[needed].id) for index in order.topological for needed in drafts[index].dependencies
        ],
        roots=frozenset(nodes[draft.index].id for draft in drafts if not draft.dependencies),
        ends=frozenset(nodes[index].id for index, below in enumerate(order.dependants) if not below),
    )


def _child(node: NewSubtask, parent_id: str) -> NewSubtask:
    """A node as it waits for its parent to settle."""
    return msgspec.structs.replace(
        node,
        unmet=node.unmet or 1,
        status=SubtaskStatus.PENDING,
        generation=node.generation + 1,
        expanded_from=parent_id,
    )


def check_bounds(parent_id: str, more: int, bounds: Bounds) -> None:
    """Raises ``ToolError`` (resource) when a subtask may not add so many below it."""
    if parent_id.count(".") > bounds.depth:
        raise Fatal(
            f"it wants to grow subtasks {parent_id.count('.')} levels deep; the limit is {bounds.depth}",
            category=Category.RESOURCE,
            suggestion="Plan flatter, or raise MAX_EXPANSION_DEPTH.",
        )
    if more > bounds.room:
        raise Fatal(
            f"{more:,} more subtasks are too many: this task may get {max(bounds.room, 0):,} more",
            category=Category.RESOURCE,
            suggestion="Use a map with a batch, split the task, or raise MAX_PLAN_SUBTASKS.",
        )


def _refused(faults: list[Fault]) -> ToolError:
    listed = "; ".join(f"{fault.pointer.removeprefix('/plan')}: {fault.detail}" for fault in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return ToolError(
        f"what it wants to add is no valid plan: {listed}{more}",
        category=Category.LOGIC,
        suggestion="Correct the tool that returned it.",
    )


def output_of(expand: Expand, growth: Growth, parent_key: str) -> Json:
    """The output of the subtask that has grown: the tool's own, or one that stands for the outputs of the ends."""
    if expand.output is not msgspec.UNSET:
        return expand.output
    ends = growth.ends or frozenset()
    found = {
        child.key[len(parent_key) + 1 : -1]: child.id.partition(".")[2] for child in growth.children if child.id in ends
    }
    return {GROWN: found, "subtasks": len(growth.children), **({"note": expand.note} if expand.note else {})}


def ends_of(output: Json, task_id: str) -> dict[str, str] | None:
    """By local key the ids of the subtasks that an output stands for; None when it stands for itself."""
    found = output.get(GROWN) if isinstance(output, dict) else None
    if not isinstance(found, dict) or not all(isinstance(place, str) for place in found.values()):
        return None
    places: dict[str, Place] = found
    return {key: place_id(task_id, place) for key, place in places.items()}
