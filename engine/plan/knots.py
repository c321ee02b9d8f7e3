"""Says why a plan cannot be ordered: which dependencies go round in a circle, and which references close one."""

from __future__ import annotations

from engine.plan.cycles import arrows, components, path_between
from engine.plan.drafts import Draft
from engine.plan.faults import Faults, quoted
from engine.plan.links import Implied


def note_cycles(drafts: list[Draft], implied: list[Implied], left: list[int], faults: Faults) -> None:
    """Names a cycle of each knot of declared dependencies, and each reference that closes one.

    ``left`` are the nodes that could not be ordered.
    """
    keys = [draft.key for draft in drafts]
    declared = [draft.dependencies[: draft.declared] for draft in drafts]
    for group in components(declared, left):
        cycle = path_between(declared, group[0], group[0], frozenset(group))
        detail = f"the dependencies form a cycle, each waiting for the next: {arrows(keys, cycle)}; remove one of them"
        faults.add(_entry(drafts[cycle[0]], keys[cycle[1]]), detail)
    _note_references(drafts, implied, left, faults, keys)


def _entry(draft: Draft, key: str) -> str:
    """The place in the draft's list of dependencies where ``key`` stands first: without it the cycle is open."""
    return f"{draft.place}/dependencies/{draft.listed.index(key)}"


def _note_references(
    drafts: list[Draft], implied: list[Implied], left: list[int], faults: Faults, keys: list[str]
) -> None:
    everything = [draft.dependencies for draft in drafts]
    groups = [frozenset(group) for group in components(everything, left)]
    member = {node: number for number, group in enumerate(groups) for node in group}
    for edge in implied:
        if faults.full:
            break
        group = member.get(edge.source)
        if group is not None and group == member.get(edge.target):
            way = [edge.source, *path_between(everything, edge.target, edge.source, groups[group])]
            detail = f"{quoted(keys[edge.target])} itself waits for this subtask: {arrows(keys, way)}"
            faults.add(edge.place, f"{edge.text}: {detail}; refer to an earlier one")
