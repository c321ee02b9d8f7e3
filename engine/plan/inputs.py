"""Checks the type, the input and the ``map`` of each subtask, each by itself; gives the references that they hold.

An input is checked before its references are resolved, so a fault at a value that holds one says nothing yet: the tool
checks again when it runs. Faults at the other values are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Sequence

import msgspec

from engine.model import Json
from engine.plan.drafts import Draft
from engine.plan.faults import Faults, existing, pointer, quoted
from engine.plan.nearest import Nearest
from engine.references import Found, Reference, find, has_braces
from engine.secrets.literals import HINT, literals, suspicious
from engine.secrets.vault import NONE_ALLOWED, WHERE, Allowed
from engine.toolport import Tool

NOTHING = Found([], False)


class InputChecks:
    """Checks the drafts of one plan, one after another."""

    def __init__(
        self,
        tools: Callable[[str], Tool | None],
        known_types: Collection[str],
        keys: Container[str],
        faults: Faults,
        secrets: Allowed = NONE_ALLOWED,
    ) -> None:
        self._tools = tools
        self._secrets = secrets
        self._is_known: dict[str, bool] = {}
        self._found: dict[str, Tool | None] = {}
        self._types = Nearest(known_types)
        self._known_types = known_types
        self._keys = keys
        self._faults = faults

    def check(self, draft: Draft) -> tuple[Found, Found, Found]:
        """Notes the draft's faults and fills in what is encoded; returns the references of its input, of ``over`` and
        of its fallback's input.
        """
        tool = self._tool(draft.type, f"{draft.place}/type")
        literal: Container[str] = tool.literal if tool else ()
        draft.encoded = msgspec.json.encode(draft.input)
        found = find(draft.input, self._keys, literal) if has_braces(draft.encoded) else NOTHING
        self._note(f"{draft.place}/input", found, _fault_of(draft))
        self._written_out(draft.input, draft.encoded, f"{draft.place}/input", literal)
        if tool:
            self._model(draft.input, f"{draft.place}/input", tool, found)
        return found, self._over(draft) if draft.mapped else NOTHING, self._fallback(draft)

    def _tool(self, type: str, place: str) -> Tool | None:
        if type not in self._found:
            self._found[type] = self._tools(type)
        tool = self._found[type]
        if tool is None and type:
            hint = self._types.hint(type) or f"; known are {', '.join(sorted(self._known_types)[:20]) or 'none'}"
            self._faults.add(place, f"there is no subtask type {quoted(type)}{hint}")
        return tool

    def _model(self, value: Json, place: str, tool: Tool, found: Found) -> None:
        for path, message in tool.check(value):
            if not (found.needed and _unresolved(value, path, tool.literal)):
                self._faults.add(place + pointer(*existing(value, path, keep_last=True)), message)

    def _fallback(self, draft: Draft) -> Found:
        """The references of what takes over when no attempt is left."""
        fallback = draft.policies.fallback
        if fallback is None:
            return NOTHING
        place = f"{draft.place}/fallback"
        tool = self._tool(fallback.type, f"{place}/type")
        fallback.encoded = msgspec.json.encode(fallback.input)
        literal: Container[str] = tool.literal if tool else ()
        found = find(fallback.input, self._keys, literal)
        self._note(f"{place}/input", found, _fault_of(draft))
        self._written_out(fallback.input, fallback.encoded, f"{place}/input", literal)
        if tool:
            self._model(fallback.input, f"{place}/input", tool, found)
        return found

    def _over(self, draft: Draft) -> Found:
        """The references of ``over``, which is one reference or a list."""
        place = f"{draft.place}/map/over"
        found = find(draft.over, self._keys)
        alone = isinstance(draft.over, str) and len(found.references) == 1 and found.references[0].whole
        if not (alone or isinstance(draft.over, list)):
            self._faults.add(place, "should be a list, or a string that is exactly one reference to a list")
        self._note(place, found, _fault_in_over)
        self._written_out(draft.over, msgspec.json.encode(draft.over), place, ())
        return found

    def _note(self, base: str, found: Found, fault_of: Callable[[Reference], str]) -> None:
        for reference in found.references:
            detail = reference.problem or fault_of(reference)
            if not detail and reference.head == "secrets":
                detail = self._of_secret(str(reference.path[0]))
            if detail:
                self._faults.add(base + reference.place, f"{reference.text}: {detail}")

    def _of_secret(self, name: str) -> str:
        """What is wrong with the name of a secret; each is looked for once."""
        if name not in self._is_known:
            self._is_known[name] = self._secrets.has(name)
        return "" if self._is_known[name] else f"there is no such secret; keep it as {WHERE.format(name=name[:100])}"

    def _written_out(self, value: Json, encoded: bytes, base: str, literal: Container[str]) -> None:
        """Notes the secrets that stand in a value."""
        if suspicious(encoded):
            for place, detail in literals(value, literal):
                self._faults.add(base + place, detail)
        if self._secrets.written(encoded.decode()):
            self._faults.add(base, f"a secret of this engine {HINT}")


def _fault_of(draft: Draft) -> Callable[[Reference], str]:
    if not draft.mapped:
        return _fault_in_input
    return _fault_in_template if draft.batch == 1 else _fault_in_batch


def _fault_in_input(reference: Reference) -> str:
    if reference.head in ("item", "index", "items"):
        needs = "a map with a batch" if reference.head == "items" else "a map"
        return rf'it is only known inside {needs}; add "map": {{"over": ...}}, or write \{{{{ for literal braces'
    return ""


def _fault_in_template(reference: Reference) -> str:
    """The same inside a map, whose input is the template of its items."""
    if reference.head == "items":
        return "it is only known inside a map with a batch; write {{item}}"
    return ""


def _fault_in_batch(reference: Reference) -> str:
    """The same in a map with a batch."""
    if reference.head == "item":
        return "with a batch there are several; write {{items}}"
    return ""


def _fault_in_over(reference: Reference) -> str:
    if reference.head in ("item", "index", "items"):
        return "it is not known before the map has its list"
    if reference.head == "secrets":
        return "it would be stored with each item; refer to it in the input instead"
    return ""


def _unresolved(value: Json, path: Sequence[str | int], literal: Container[str]) -> bool:
    """Whether the value at ``path`` still holds a reference, so that its faults mean nothing yet.

    A path may end in a field that is missing, which is a fault of its own at the top level. Deeper down it cannot be
    told from the name of a union's branch; there the benefit of the doubt goes to the caller.
    """
    if path and path[0] in literal:
        return False
    steps = existing(value, path, keep_last=False)
    if len(path) == 1 and not steps and isinstance(value, dict):
        return False
    for step in steps:
        value = value[step]
    return find(value, (), () if steps else literal).needed
