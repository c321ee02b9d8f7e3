"""Turns keys into edges: declared dependencies, and those that references imply.

``previous_output`` means the declared dependencies only: an edge that a reference elsewhere in the input adds must not
change what it stands for.
"""

from __future__ import annotations

import msgspec

from engine import conditions
from engine.plan.drafts import Draft
from engine.plan.faults import Faults, quoted
from engine.plan.nearest import Nearest
from engine.plan.spec import Condition, Refs
from engine.references import Found, Reference


class Implied(msgspec.Struct, frozen=True):
    """An edge that a reference adds: ``source`` refers to ``target``, at ``place``."""

    source: int
    target: int
    place: str
    text: str


class Links:
    """Links the drafts of one plan; positions in ``drafts`` are the nodes."""

    def __init__(self, drafts: list[Draft], keys: dict[str, int], faults: Faults) -> None:
        self._drafts = drafts
        self._keys = keys
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
        for reference in in_over.references:
            self._over_mapped(draft, reference)
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
        else:
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

    def _over_mapped(self, draft: Draft, reference: Reference) -> None:
        """Going on item by item over the output of another map is a later feature."""
        targets: list[int] = []
        if reference.head == "subtasks" and reference.known and reference.path[:1] == ("output",):
            targets = [self._keys[reference.key]]
        elif reference.head == "previous_output":
            targets = draft.dependencies[: draft.declared]
            if len(targets) > 1 and reference.path:
                targets = [node for node in targets if self._drafts[node].key == reference.path[0]]
        for node in targets:
            if self._drafts[node].mapped:
                detail = f"a map over the map {quoted(self._drafts[node].key)} is not supported yet; join it first"
                self._faults.add(f"{draft.place}/map/over{reference.place}", f"{reference.text}: {detail}")

    def _refs(self, draft: Draft, found: Found) -> Refs | None:
        if not found.needed:
            return None
        heads = {reference.head for reference in found.references}
        declared = draft.dependencies[: draft.declared] if "previous_output" in heads else []
        named = {reference.key for reference in found.references if reference.key in self._keys}
        return Refs(
            previous=[(self._drafts[node].key, *self._fetch(node)) for node in declared],
            keys={key: self._fetch(self._keys[key]) for key in sorted(named)},
        )

    def _fetch(self, node: int) -> tuple[int, bool]:
        return self._drafts[node].index, self._drafts[node].mapped
