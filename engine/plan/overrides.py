"""What a rerun changes of the plan that it repeats: fields of subtasks, by key.

``input`` is merged with the stored one, field by field of its first level; every other field takes the place of the
stored one. The faults of the changed plan are told where the caller wrote them, not where they landed in the plan.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from engine.errors import Fault
from engine.model import Json
from engine.plan.faults import Faults, pointer, quoted
from engine.plan.nearest import Nearest

PLACE = "/overrides"
_IN_PLAN = re.compile(r"/plan/subtasks/(\d+)(.*)", re.DOTALL)


def overridden(body: dict[str, Json], overrides: Mapping[str, Json], faults: Faults) -> dict[str, Json]:
    """The body with the overrides applied; notes those that belong to nothing."""
    subtasks = body["plan"]["subtasks"]
    places = {raw["key"]: number for number, raw in enumerate(subtasks)}
    changed = list(subtasks)
    for key, fields in overrides.items():
        if fault := _misplaced(key, fields, places):
            faults.add(PLACE + pointer(key), fault)
        elif fields.get("key", key) != key:
            faults.add(PLACE + pointer(key, "key"), "a subtask keeps its key; leave it out")
        else:
            changed[places[key]] = _changed(subtasks[places[key]], fields)
    return {**body, "plan": {**body["plan"], "subtasks": changed}}


def _misplaced(key: str, fields: Json, places: Mapping[str, int]) -> str:
    """Why an override belongs to no subtask; "" when it does."""
    mapped, bracket, _ = key.partition("[")
    if bracket and mapped in places:
        return f"is an item of a map, which has no plan of its own; override {quoted(mapped)}"
    if key not in places:
        return f"there is no subtask {quoted(key)}{Nearest(places).hint(key)}"
    return "" if isinstance(fields, dict) else 'should be an object such as {"input": {...}}'


def _changed(raw: dict[str, Json], fields: dict[str, Json]) -> dict[str, Json]:
    merged = {**raw, **fields}
    if isinstance(raw["input"], dict) and isinstance(fields.get("input"), dict):
        merged["input"] = {**raw["input"], **fields["input"]}
    return merged


def as_sent(fault: Fault, keys: list[str], overrides: Collection[str]) -> Fault:
    """A fault of the changed plan, at the place where the caller can mend it."""
    match = _IN_PLAN.fullmatch(fault.pointer)
    if match is None:
        return fault
    key, rest = keys[int(match[1])], match[2]
    if key in overrides:
        return Fault(f"{PLACE}{pointer(key)}{rest}", fault.detail)
    return Fault("", f"subtask {quoted(key)}{f' at {rest}' if rest else ''}: {fault.detail}")
