"""What makes two tasks runs of the same plan: keys, types, versions of the tools, and edges; not what they work on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from engine.plan.validate import ValidPlan


def plan_hash(plan: ValidPlan, version: Callable[[str], str]) -> str:
    """The hash of a valid plan, in hexadecimal; ``version`` is that of a type's tool."""
    versions = {type_: version(type_) for type_ in {draft.type for draft in plan.subtasks}}
    text = hashlib.sha256()
    for draft in plan.subtasks:
        parts = (draft.key, draft.type, versions[draft.type], ",".join(map(str, draft.dependencies)))
        text.update("\t".join(parts).encode())
        text.update(b"\n")
    return text.hexdigest()
