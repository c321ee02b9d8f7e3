"""What the references of an input may see: how other subtasks ended, the task's input, an item of a map."""

from __future__ import annotations

from engine import references
from engine.model import Json
from engine.payloads import COMPLETED, Payloads
from engine.plan.ids import subtask_id
from engine.plan.spec import Refs, Spec
from engine.references import Outcome, Scope

MISSING = Outcome("pending")


class Scopes:
    """Resolves the inputs of one engine's subtasks."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    async def resolve(self, task_id: str, spec: Spec, task_input: Json, literal: frozenset[str] = frozenset()) -> Json:
        """The input with every reference replaced; raises ``ToolError`` (configuration) for a missing path."""
        if spec.refs is None:
            return spec.input
        return references.resolve(spec.input, await self._scope(task_id, spec.refs, spec, task_input), literal)

    async def over(self, task_id: str, spec: Spec, task_input: Json) -> Json:
        """What a mapped subtask maps over."""
        assert spec.map is not None
        if spec.map.refs is None:
            return spec.map.over
        return references.resolve(spec.map.over, await self._scope(task_id, spec.map.refs, Spec(), task_input))

    async def _scope(self, task_id: str, refs: Refs, spec: Spec, task_input: Json) -> Scope:
        places = {key: (index, mapped) for key, index, mapped in refs.previous} | refs.keys
        ids = {key: subtask_id(task_id, index) for key, (index, _) in places.items()}
        found = await self._payloads.outcomes(list(ids.values())) if ids else {}
        seen = {key: found.get(ids[key], MISSING) for key in places}
        for key, (_, mapped) in places.items():
            if mapped and seen[key].status == COMPLETED:
                seen[key] = Outcome(COMPLETED, await self._payloads.item_outputs(ids[key]))
        return Scope(
            previous={key: seen[key].output for key, _, _ in refs.previous},
            subtasks={key: seen[key] for key in refs.keys},
            input=task_input,
            item=spec.item,
            index=spec.index,
        )
