"""What the references of an input may see: how other subtasks ended, the task's input, an item of a map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from engine import references
from engine.errors import Category, ToolError
from engine.model import Json
from engine.payloads import COMPLETED, Payloads
from engine.plan.expansion import ends_of
from engine.plan.spec import MapSpec, Place, Refs, Spec, place_id
from engine.references import Outcome, Scope

MISSING = Outcome("pending")
Places = Mapping[str, tuple[Place, bool]]
"""Subtasks by key: where they are, and whether they are mapped."""


class Scopes:
    """Resolves the inputs of one engine's subtasks."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    async def resolve(
        self,
        task_id: str,
        spec: Spec,
        task_input: Json,
        literal: frozenset[str] = frozenset(),
        used: list[str] | None = None,
    ) -> Json:
        """The input with every reference replaced but those to secrets; raises ``ToolError`` (configuration) for a
        missing path. The ids of the subtasks whose outputs it may see are added to ``used``.
        """
        if spec.refs is None:
            return spec.input
        return references.resolve(spec.input, await self.scope(task_id, spec.refs, spec, task_input, used), literal)

    async def opened(
        self, task_id: str, spec: Spec, task_input: Json, literal: frozenset[str], secrets: Mapping[str, str]
    ) -> Json:
        """The same with the secrets that it refers to: for the tool alone."""
        assert spec.refs is not None
        scope = await self.scope(task_id, spec.refs, spec, task_input)
        return references.resolve(spec.input, msgspec.structs.replace(scope, secrets=secrets), literal)

    async def over(self, task_id: str, policy: MapSpec, task_input: Json, used: list[str] | None = None) -> Json:
        """What a mapped subtask maps over."""
        if policy.refs is None:
            return policy.over
        return references.resolve(policy.over, await self.scope(task_id, policy.refs, Spec(), task_input, used))

    async def size_of(self, task_id: str, mapped: Place) -> int:
        """How many items a mapped subtask that is completed has grown."""
        id_ = place_id(task_id, mapped)
        outputs = await self._payloads.outputs([id_])
        return int(outputs[id_]["items"])

    async def scope(
        self, task_id: str, refs: Refs, spec: Spec, task_input: Json, used: list[str] | None = None
    ) -> Scope:
        """Everything that the references in a value may see; adds the ids of what that is made of to ``used``."""
        places: Places = {key: (place, mapped) for key, place, mapped in refs.previous} | refs.keys
        seen = await self.seen(task_id, places)
        if used is not None:
            used += [place_id(task_id, place) for key, (place, _) in places.items() if seen[key].status == COMPLETED]
            used += [place_id(task_id, place) for place in spec.upstream]
        return Scope(
            previous={key: seen[key].output for key, _, _ in refs.previous},
            subtasks={key: seen[key] for key in refs.keys},
            input=task_input,
            index=spec.index,
            **await self._own(task_id, spec),
        )

    async def _own(self, task_id: str, spec: Spec) -> dict[str, Json]:
        """The value of an item or batch; one that follows other items is made of what those produced."""
        if not spec.upstream:
            return {"item": spec.item, "items": spec.items if spec.item is msgspec.UNSET else [spec.item]}
        outputs = await self._settled([place_id(task_id, place) for place in spec.upstream])
        return {"item": outputs[0] if len(outputs) == 1 else msgspec.UNSET, "items": outputs}

    async def _settled(self, ids: list[str]) -> list[Json]:
        """The outputs of items that another follows. It waits for them alone, not for what they may have grown."""
        found = await self._payloads.outputs(ids)
        for id_ in ids:
            ends = list((ends_of(found.get(id_), id_.partition(".")[0]) or {}).values())
            if ends and len(await self._payloads.outputs(ends)) < len(ends):
                raise ToolError(
                    "the item that this one follows has grown subtasks that are not completed yet",
                    category=Category.CONFIGURATION,
                    suggestion="Put a subtask between the two maps that joins the first one.",
                )
        return await self.outputs_of(ids)

    async def seen(self, task_id: str, places: Places) -> dict[str, Outcome]:
        """How subtasks ended. The output of a mapped one is the list of its items', of one that has grown others what
        their ends produced.
        """
        ids = {key: place_id(task_id, place) for key, (place, _) in places.items()}
        found = await self._payloads.outcomes(list(ids.values())) if ids else {}
        seen = {key: found.get(ids[key], MISSING) for key in places}
        for key, (_, mapped) in places.items():
            if seen[key].status != COMPLETED:
                continue
            if mapped:
                seen[key] = Outcome(COMPLETED, await self._items(ids[key]))
            elif (ends := ends_of(seen[key].output, task_id)) is not None:
                seen[key] = Outcome(COMPLETED, await self._of_ends(ends))
        return seen

    async def _items(self, mapped_id: str) -> list[Json]:
        return [await self._followed(output, mapped_id) for output in await self._payloads.item_outputs(mapped_id)]

    async def outputs_of(self, ids: Iterable[str]) -> list[Json]:
        """The outputs of subtasks, in their order; null for one that did not complete."""
        wanted = list(ids)
        found = await self._payloads.outputs(wanted)
        return [await self._followed(found.get(id_), id_) for id_ in wanted]

    async def _followed(self, output: Json, id_: str) -> Json:
        ends = ends_of(output, id_.partition(".")[0])
        return output if ends is None else await self._of_ends(ends)

    async def _of_ends(self, ends: Mapping[str, str]) -> Json:
        """What stands for the output of a subtask that has grown others: that of its one end, or of all by key."""
        outputs = dict(zip(ends, await self.outputs_of(ends.values()), strict=True))
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs
