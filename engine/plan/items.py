"""Expands a mapped subtask, once its list is known, into one subtask per item.

An item depends on its parent alone and sorts right behind it, lower item first. Its spec holds the template of the
parent with ``{{item}}`` and ``{{index}}`` still in place, and the two values beside it.
"""

from __future__ import annotations

import msgspec

from engine.errors import ToolError
from engine.model import Json, NewSubtask
from engine.plan.build import order_key
from engine.plan.ids import subtask_id
from engine.plan.spec import Spec


def items(spec: Spec, parent_id: str, parent_key: str, type: str, values: Json) -> list[NewSubtask]:
    """The items of the mapped subtask that carries ``spec``, for ``values``, which ``over`` resolved to.

    Raises ``ToolError`` (logic) when ``values`` is no list or longer than the map's limit.
    """
    policy = spec.map
    if policy is None:
        raise ValueError(f"{parent_id} is not mapped")
    _check(values, policy.limit)
    encoded = msgspec.Raw(msgspec.json.encode(spec.input)) if spec.input != {} else {}
    template = msgspec.structs.replace(spec, map=None, run_if=None, implied=[], input=encoded)
    return [
        NewSubtask(
            id=subtask_id(parent_id, index),
            key=f"{parent_key}[{index}]",
            type=type,
            index=index,
            spec=_spec(template, value, index),
            unmet=1,
            priority=policy.priority,
            generation=policy.generation + 1,
            rank=policy.rank,
            order_key=item_order(policy.priority, policy.rank, parent_id, index),
            critical=spec.critical,
            expanded_from=parent_id,
            optional=spec.optional,
            timed=spec.queue is not None or spec.total is not None,
        )
        for index, value in enumerate(values)
    ]


def item_order(priority: int, rank: float, parent_id: str, index: int) -> str:
    """The text that sorts an item among the ready subtasks of its task: where its parent stood, lower item first."""
    return f"{order_key(priority, rank, int(parent_id.rpartition('.')[2]))}.{index:07d}"


def _check(values: Json, limit: int) -> None:
    if not isinstance(values, list):
        raise ToolError(
            f'"map.over" gave {_KINDS.get(type(values), "a number")}, not a list',
            suggestion='Let "over" refer to the list itself, for example {{subtasks.KEY.output.rows}}.',
        )
    if len(values) > limit:
        raise ToolError(
            f'"map.over" gave a list of {len(values):,}, longer than the limit of {limit:,}',
            suggestion='Raise "limit" in the map, or let fewer items through.',
        )


_KINDS = {dict: "an object", str: "text", bool: "a truth value", type(None): "null"}


def _spec(template: Spec, value: Json, index: int) -> str:
    return msgspec.structs.replace(template, item=value, index=index).encode()
