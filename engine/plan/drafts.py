"""Reads the subtasks of a body into drafts: as much as can be understood of each, whatever is wrong with the rest.

Faults of shape and faults of the graph are told together, so the graph checks need the keys and dependencies of a
subtask also when, say, its priority is out of range.
"""

from __future__ import annotations

import msgspec
from pydantic import ValidationError

from engine.model import Json
from engine.plan.faults import Faults, pointer, quoted
from engine.plan.policies import DEFAULT, Policies, policies_of
from engine.plan.schema import SubtaskSpec
from engine.plan.spec import DEFAULT_LIMIT, DEFAULT_PRIORITY, Place, Refs
from engine.plan.unsupported import IN_SUBTASK, refusals

PLACE = "/plan/subtasks"


class Draft(msgspec.Struct):
    """One subtask on its way to a ``ValidPlan``. ``listed`` holds its dependencies as sent, with their places.

    The fields below ``limit`` are filled in while it is checked: ``encoded`` is the input as JSON text,
    ``dependencies`` are indexes, the declared ones first, ``declared`` is how many those are, ``follows`` is the index
    of the map whose items this map goes over one by one, ``expected`` is how long it will take, in seconds.
    """

    index: int
    key: str
    type: str
    input: Json
    listed: list[Json]
    priority: int = DEFAULT_PRIORITY
    policies: Policies = DEFAULT
    mapped: bool = False
    over: Json = None
    limit: int = DEFAULT_LIMIT
    batch: int = 1
    encoded: bytes = b"{}"
    dependencies: list[int] = []
    declared: int = 0
    refs: Refs | None = None
    over_refs: Refs | None = None
    fallback_refs: Refs | None = None
    run_if_keys: dict[str, tuple[Place, bool]] = {}
    follows: int | None = None
    expected: float | None = None

    @property
    def place(self) -> str:
        """Its JSON pointer in the body."""
        return f"{PLACE}/{self.index}"


def read_drafts(subtasks: list[Json], faults: Faults) -> list[Draft]:
    """A draft of every subtask that is an object, and a fault for every field of the wrong shape."""
    drafts: list[Draft] = []
    for index, raw in enumerate(subtasks):
        try:
            spec = SubtaskSpec.model_validate(raw)
        except ValidationError as error:
            faults.add_shape(f"{PLACE}/{index}", raw, error, SubtaskSpec.model_fields)
            if isinstance(raw, dict):
                drafts.append(_loosely(index, raw))
        else:
            drafts.append(_exactly(index, spec, faults))
    return drafts


def _exactly(index: int, spec: SubtaskSpec, faults: Faults) -> Draft:
    for path, detail in refusals(spec, IN_SUBTASK):
        faults.add(f"{PLACE}/{index}{pointer(*path)}", detail)
    policies = policies_of(spec, f"{PLACE}/{index}", faults)
    draft = Draft(index, spec.key, spec.type, spec.input, spec.dependencies, spec.priority, policies)
    if spec.map is not None:
        draft.mapped, draft.over, draft.limit, draft.batch = True, spec.map.over, spec.map.limit, spec.map.batch
    return draft


def _loosely(index: int, raw: dict[str, Json]) -> Draft:
    """What can be used of a subtask whose shape is wrong somewhere."""
    key, type_, listed, over = raw.get("key"), raw.get("type"), raw.get("dependencies"), raw.get("map")
    draft = Draft(
        index,
        key if isinstance(key, str) else "",
        type_ if isinstance(type_, str) else "",
        raw.get("input", {}),
        listed if isinstance(listed, list) else [],
    )
    if over is not None:
        draft.mapped, draft.over = True, over.get("over", []) if isinstance(over, dict) else []
    return draft


def index_keys(drafts: list[Draft], faults: Faults) -> dict[str, int]:
    """By key the position of its draft; a fault for every key that is there already."""
    known: dict[str, int] = {}
    for position, draft in enumerate(drafts):
        first = known.setdefault(draft.key, position) if draft.key else position
        if first != position:
            place = drafts[first].place
            faults.add(f"{draft.place}/key", f"{quoted(draft.key)} is the key of {place} already; choose another")
    return known
