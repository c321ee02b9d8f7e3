"""Where a rerun after a recall stops: at a subtask whose inputs have come out as they were in the earlier task.

The address of an output is the hash of its text. If every output that a subtask refers to has the address that it had
in the earlier task, then so has its input, and it takes over what it had produced then. What only waits for another
subtask, without a reference, has nothing of it in its input.
"""

from __future__ import annotations

from engine.errors import EngineError, GraphUnavailable
from engine.lineage import pages
from engine.model import Json, Produced, Value
from engine.payloads import Payloads
from engine.plan.spec import Spec, place_id
from engine.plan.stored import Recall
from engine.ports import Graph
from engine.states import SubtaskStatus
from engine.turn import Claim


class Kept(Value, frozen=True):
    """An output of the earlier task: ``origin`` is the subtask that made it, ``used`` what it would be made from."""

    output: Json
    origin: str
    used: list[str]


class Cutoff:
    """Decides for one engine what is taken over."""

    def __init__(self, graph: Graph, payloads: Payloads) -> None:
        self._graph = graph
        self._payloads = payloads

    async def kept(self, claim: Claim, spec: Spec, recall: Recall) -> Kept | None:
        """What a subtask had produced in the earlier task, if that still holds; else it has to run.

        What grows others runs always, for its output says little about theirs; so does a repeat.
        """
        if claim.key in recall.keys or spec.map is not None or claim.interrupted or claim.spent:
            return None
        places = _places(spec)
        now = [place_id(claim.task_id, place) for place in places]
        then = [place_id(recall.of, place) for place in places]
        own = recall.of + claim.id[len(claim.task_id) :]
        made = {found.id: found for found in await self._graph.made([own, *now, *then])}
        if own not in made or not await self._is_the_same(claim, recall):
            return None
        plain = [id_ for id_ in (*now, *then) if not places[id_.partition(".")[2]]]
        if await self._have_grown([own, *plain]):
            return None
        for place, before, after in zip(places, then, now, strict=True):
            if before not in made or after not in made or made[before].hash != made[after].hash:
                return None
            if places[place] and not await self._same_items(before, after):
                return None
        try:
            output = await self._payloads.load(made[own].output, made[own].hash)
        except GraphUnavailable:
            raise
        except EngineError:  # its blob is lost: so it is made anew
            return None
        return Kept(output, made[own].maker, now)

    async def _is_the_same(self, claim: Claim, recall: Recall) -> bool:
        """One of the plan is, for the plan is the same; one that grew has in its spec what it grew from."""
        if claim.id.count(".") == 1:
            return True
        found = await self._graph.subtask(recall.of, claim.key)
        return found is not None and found[0].spec == claim.spec

    async def _same_items(self, before: str, after: str) -> bool:
        old, new = await self._graph.item_outputs(before), await self._graph.item_outputs(after)
        if [_value(item) for item in old] != [_value(item) for item in new]:
            return False
        return not await self._have_grown([item.id for item in (*old, *new)])

    async def _have_grown(self, ids: list[str]) -> bool:
        """Whether one of these has grown others: its output may stand for theirs."""
        for some in pages(ids):
            if await self._graph.children(some):
                return True
        return False


def _places(spec: Spec) -> dict[str, bool]:
    """The places of what a spec refers to, and whether each is mapped."""
    refs = spec.refs
    found = {_text(place): mapped for _, place, mapped in refs.previous} if refs else {}
    found |= {_text(place): mapped for place, mapped in refs.keys.values()} if refs else {}
    return found | dict.fromkeys(spec.upstream, False)


def _text(place: int | str) -> str:
    return f"{place:07d}" if isinstance(place, int) else place


def _value(item: Produced) -> tuple[SubtaskStatus, str | None]:
    return item.status, item.hash
