"""What a plan looks like before it is stored: how it unfolds, and what it cannot be faster than."""

from __future__ import annotations

from collections import Counter

import msgspec

from engine.model import Json
from engine.plan.layout import placed
from engine.plan.order import critical_path, generations
from engine.plan.validate import ValidPlan
from engine.states import SubtaskStatus


class Preview(msgspec.Struct, frozen=True):
    """A plan in keys and counts. ``width`` is the size of its largest generation, ``depth`` how many there are.

    Mapped subtasks count once, because their lists are known only at run time.
    """

    generations: list[list[str]]
    critical_path: list[str]
    subtasks: int
    edges: int
    depth: int
    width: int
    mapped: int
    types: dict[str, int]


def preview(plan: ValidPlan) -> Preview:
    """The preview of a valid plan; nothing is stored."""
    keys = [subtask.key for subtask in plan.subtasks]
    groups = [[keys[node] for node in group] for group in generations(plan.order)]
    return Preview(
        generations=groups,
        critical_path=[keys[node] for node in critical_path(plan.order)],
        subtasks=len(keys),
        edges=plan.edges,
        depth=len(groups),
        width=max(map(len, groups), default=0),
        mapped=sum(subtask.mapped for subtask in plan.subtasks),
        types=dict(sorted(Counter(subtask.type for subtask in plan.subtasks).items())),
    )


def picture(plan: ValidPlan) -> dict[str, Json]:
    """A valid plan as a drawing, each node in its place, as the graph of a stored task is drawn."""
    keys = [subtask.key for subtask in plan.subtasks]
    path = dict.fromkeys(keys[node] for node in critical_path(plan.order))
    nodes = [
        {
            "key": subtask.key,
            "type": subtask.type,
            "status": SubtaskStatus.PENDING,
            "generation": plan.order.generation[subtask.index],
            "critical_path": subtask.key in path,
            "expected": subtask.expected,
            "mapped": subtask.mapped,
        }
        for subtask in plan.subtasks
    ]
    edges = [[keys[needed], subtask.key] for subtask in plan.subtasks for needed in subtask.dependencies]
    return placed({"nodes": nodes, "edges": edges, "critical_path": list(path)})
