"""Turns keys into edges: declared dependencies, and those that references imply.

``previous_output`` means the declared dependencies only: an edge that a reference elsewhere in the input adds must not
change what it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine import conditions
from engine.plan.drafts import Draft
from engine.plan.faults import Faults, quoted
from engine.plan.ids import subtask_id
from engine.plan.nearest import Nearest
from engine.plan.spec import Condition, Place, Refs
from engine.references import Found, Reference

Outer = Mapping[str, tuple[Place, bool]]
"""Subtasks outside the plan that it may refer to, all of them done: by key their place, and whether they are mapped."""


class Implied(msgspec.Struct, frozen=True):
    """An edge that a reference adds: ``source`` refers to ``target``, at ``place``."""

    source: int
    target: int
    place: str
    text: str


class Links:
    """Links the drafts of one plan; positions in ``drafts`` are the nodes.

    Args:
        drafts: the subtasks.
        keys: their positions by key.
        faults: takes what is wrong.
        outer: what they may refer to besides.
        inside: the place of the subtask that they grow from; "" for a plan that was sent.
    """

    def __init__(
        self, drafts: list[Draft], keys: dict[str, int], faults: Faults, outer: Outer | None = None, inside: str = ""
    ) -> None:
        self._drafts = drafts
        self._keys = keys
        self._outer = outer or {}
        self._inside = inside
        self._near = Nearest(keys)
        self._faults = faults
        self.implied: list[Implied] = []

    def declare(self, position: int) -> None:
        """Fills in the declared dependencies of a draft, repeats collapsed."""
        draft = self._drafts[position]
        found: dict[int, None] = {}
        for number, key in enumerate(draft.listed):
            if not isinstance(key, str):
                continue
            target = self._keys.get(key)
            if target is None:
                self._unknown(f"{draft.place}/dependencies/{number}", key)
            elif key == draft.key:
                self._faults.add(f"{draft.place}/dependencies/{number}", "it depends on itself; remove this")
            else:
                found[target] = None
        draft.dependencies = list(found)
        draft.declared = len(found)

    def refer(self, position: int, in_input: Found, in_over: Found, in_fallback: Found) -> None:
        """Adds the edges that the references of a draft imply, and notes what running it must fetch."""
        draft = self._drafts[position]
        if draft.policies.run_if is not None:
            self._condition(position, draft.policies.run_if)
        if not (in_input.needed or in_over.needed or in_fallback.needed):
            return
        places = dict.fromkeys(draft.dependencies)
        searched = (("/input", in_input), ("/map/over", in_over), ("/fallback/input", in_fallback))
        for where, found in searched:
            for reference in found.references:
                self._edge(position, draft.place + where + reference.place, reference, places)
        draft.dependencies = list(places)
        self._follow(draft, in_input, in_over, in_fallback)
        draft.refs, draft.over_refs = self._refs(draft, in_input), self._refs(draft, in_over)
        draft.fallback_refs = self._refs(draft, in_fallback)

    def _condition(self, position: int, condition: Condition) -> None:
        """What a ``run_if`` expression names is a dependency like any other."""
        draft = self._drafts[position]
        place = f"{draft.place}/run_if/expression"
        places, found = dict.fromkeys(draft.dependencies), {}
        for key in conditions.keys(condition.expression):
            target = self._keys.get(key)
            if target is None:
                self._unknown(place, key)
            elif key == draft.key:
                self._faults.add(place, "a subtask cannot look at itself")
            else:
                found[key] = self._fetch(target)
                if target not in places:
                    places[target] = None
                    self.implied.append(Implied(position, target, place, f"subtasks.{key}"))
        draft.dependencies, draft.run_if_keys = list(places), found

    def _edge(self, position: int, place: str, reference: Reference, places: dict[int, None]) -> None:
        draft = self._drafts[position]
        if reference.head == "previous_output" and not draft.listed:
            self._faults.add(place, f"{reference.text}: this subtask has no dependencies; name one in them")
        if reference.head != "subtasks" or reference.problem:
            return
        if not reference.known:
            self._unknown(place, reference.key, f"{reference.text}: ")
        elif reference.key == draft.key:
            self._faults.add(place, f"{reference.text}: a subtask cannot refer to itself")
        elif reference.key in self._keys:
            target = self._keys[reference.key]
            if target not in places:
                places[target] = None
                self.implied.append(Implied(position, target, place, reference.text))

    def _unknown(self, place: str, key: str, before: str = "") -> None:
        hint = "" if self._faults.full else self._hint(key)
        self._faults.add(place, f"{before}there is no subtask {quoted(key)}{hint}")

    def _hint(self, key: str) -> str:
        mapped, bracket, number = key.partition("[")
        if bracket and mapped in self._keys:
            return f"; the items of a map are reached as {{{{subtasks.{mapped}.output[{number.rstrip(']')}]}}}}"
        return self._near.hint(key)

    def _follow(self, draft: Draft, in_input: Found, in_over: Found, in_fallback: Found) -> None:
        """A map over the whole output of another map goes on item by item: it is a later stage of its chain."""
        if not draft.mapped or len(in_over.references) != 1:
            return
        before = self._whole_map(draft, in_over.references[0])
        if before is None:
            return
        draft.follows = before.index
        for where, found in (("/input", in_input), ("/fallback/input", in_fallback)):
            for reference in found.references:
                if reference.head == "previous_output" or reference.key == before.key:
                    detail = f"waits for all of {quoted(before.key)}, and this map goes over it item by item; use"
                    where_to = draft.place + where + reference.place
                    self._faults.add(where_to, f"{reference.text}: {detail} {{{{item}}}}, or join it first")

    def _whole_map(self, draft: Draft, reference: Reference) -> Draft | None:
        """The mapped subtask whose whole output a reference is; None for any other."""
        target: int | None = None
        if reference.head == "subtasks" and reference.path == ("output",):
            target = self._keys.get(reference.key)
        elif reference.head == "previous_output" and not reference.path and draft.declared == 1:
            target = draft.dependencies[0]
        found = None if target is None else self._drafts[target]
        return found if found is not None and found.mapped and found is not draft else None

    def _refs(self, draft: Draft, found: Found) -> Refs | None:
        if not found.needed:
            return None
        heads = {reference.head for reference in found.references}
        declared = draft.dependencies[: draft.declared] if "previous_output" in heads else []
        named = {reference.key for reference in found.references if reference.key and reference.known}
        secrets = {str(ref.path[0]) for ref in found.references if ref.head == "secrets" and not ref.problem}
        return Refs(
            previous=[(self._drafts[node].key, *self._fetch(node)) for node in declared],
            keys={
                key: self._fetch(self._keys[key]) if key in self._keys else self._outer[key] for key in sorted(named)
            },
            secrets=sorted(secrets),
        )

    def _fetch(self, node: int) -> tuple[Place, bool]:
        draft = self._drafts[node]
        return place(self._inside, draft.index), draft.mapped


def place(inside: str, index: int) -> Place:
    """The place of a subtask of a plan, or of one that grew ``inside`` another."""
    return subtask_id(inside, index) if inside else index
