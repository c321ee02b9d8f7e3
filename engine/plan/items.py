"""Expands a mapped subtask, once its list is known, into one subtask per item or batch.

An item depends on its parent, and in a later stage of a chain on the items of the stage before that it is made from:
so it starts when those are done, whatever else is still on its way. The stages of a chain share one lane of the order:
lower item first, then the later stage, so that items stream through. An item's spec holds the template of the parent
with its references still in place, and its own value beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.errors import ToolError
from engine.model import Growth, Json, NewSubtask
from engine.plan.ids import subtask_id
from engine.plan.spec import MapSpec, Place, Spec, place_id

_LAST_STAGE = 99


def items(spec: Spec, parent_id: str, parent_key: str, type: str, values: Json) -> Growth:
    """The items of the mapped subtask that carries ``spec``, for ``values``, which ``over`` resolved to.

    Raises ``ToolError`` (logic) when ``values`` is no list or longer than the map's limit.
    """
    policy = _policy(spec, parent_id)
    _check_list(values)
    _check_length(len(values), policy.limit)
    if policy.batch == 1:
        own: Iterator[dict[str, Json]] = ({"item": value} for value in values)
    else:
        own = ({"items": values[at : at + policy.batch]} for at in range(0, len(values), policy.batch))
    return Growth(_children(spec, policy, parent_id, parent_key, type, own))


def followers(spec: Spec, parent_id: str, parent_key: str, type: str, count: int) -> Growth:
    """The items of a later stage of a chain, where the stage before has ``count`` items.

    Raises ``ToolError`` (logic) when that is more than the map's limit.
    """
    policy = _policy(spec, parent_id)
    assert policy.follows is not None
    _check_length(count, policy.limit)
    task_id = parent_id.partition(".")[0]
    before = _items_of(policy.follows, count)
    groups = [before[at : at + policy.batch] for at in range(0, count, policy.batch)]
    children = _children(spec, policy, parent_id, parent_key, type, ({"upstream": group} for group in groups))
    edges = [
        (child.id, place_id(task_id, place)) for child, group in zip(children, groups, strict=True) for place in group
    ]
    return Growth([_waiting(child, len(group)) for child, group in zip(children, groups, strict=True)], edges)


def item_order(policy: MapSpec, index: int) -> str:
    """The text that sorts an item among the ready subtasks of its task: in its lane, lower item, then later stage."""
    return f"{policy.lane}.{index * policy.span:07d}.{_LAST_STAGE - policy.stage:02d}"


def _policy(spec: Spec, parent_id: str) -> MapSpec:
    if spec.map is None:
        raise ValueError(f"{parent_id} is not mapped")
    return spec.map


def _items_of(parent: Place, count: int) -> list[str]:
    """The places of the items of a mapped subtask."""
    path = f"{parent:07d}" if isinstance(parent, int) else parent
    return [subtask_id(path, index) for index in range(count)]


def _children(
    spec: Spec, policy: MapSpec, parent_id: str, parent_key: str, type: str, own: Iterator[dict[str, Json]]
) -> list[NewSubtask]:
    encoded = msgspec.Raw(msgspec.json.encode(spec.input)) if spec.input != {} else {}
    template = msgspec.structs.replace(spec, map=None, run_if=None, implied=[], input=encoded)
    return [
        NewSubtask(
            id=subtask_id(parent_id, index),
            key=f"{parent_key}[{index}]",
            type=type,
            index=index,
            spec=msgspec.structs.replace(template, index=index, **values).encode(),
            unmet=1,
            priority=policy.priority,
            generation=1,
            rank=policy.rank,
            order_key=item_order(policy, index),
            critical=spec.critical,
            expanded_from=parent_id,
            optional=spec.optional,
            timed=spec.queue is not None or spec.total is not None,
            falls_back=spec.fallback is not None,
        )
        for index, values in enumerate(own)
    ]


def _waiting(child: NewSubtask, more: int) -> NewSubtask:
    return msgspec.structs.replace(child, unmet=child.unmet + more, generation=2)


def _check_list(values: Json) -> None:
    if not isinstance(values, list):
        raise ToolError(
            f'"map.over" gave {_KINDS.get(type(values), "a number")}, not a list',
            suggestion='Let "over" refer to the list itself, for example {{subtasks.KEY.output.rows}}.',
        )


def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise ToolError(
            f'"map.over" gave a list of {length:,}, longer than the limit of {limit:,}',
            suggestion='Raise "limit" in the map, or let fewer items through.',
        )


_KINDS = {dict: "an object", str: "text", bool: "a truth value", type(None): "null"}
