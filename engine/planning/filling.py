r"""Puts parameters into a template: the body of a task comes out.

What a parameter holds stays what it is. In an input the engine will resolve references afterwards, so each ``{{`` that
a parameter brings along is written ``\{{`` there; the references that remain are the template's own, also where one
half of the braces is the template's and the other the parameter's.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

import msgspec

from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.plan.nearest import Nearest
from engine.planning.literals import literal, literal_fields, literal_input
from engine.planning.templates import PLACE, Template, parameter_of
from engine.references import tokens

Values = Mapping[str, Json]


def fill(
    template: Template,
    parameters: Values,
    literal_of: Callable[[str], Container[str]] = literal_fields,
) -> dict[str, Json]:
    """The body of ``POST /tasks`` that a template makes of parameters: its defaults, and ``plan``.

    Args:
        template: which one.
        parameters: by name; those with a default may be left out.
        literal_of: the fields of a type's input that are never resolved.

    Raises:
        InvalidInput: with every fault, each at ``/parameters/NAME``.
    """
    values = checked(template, parameters)
    subtasks = [_subtask(subtask, values, literal_of) for subtask in template.plan.subtasks]
    defaults = {name: _plainly(part, values) for name, part in template.defaults.items()}
    return {"name": template.name, **defaults, "plan": {"subtasks": subtasks}}


def checked(template: Template, parameters: Values) -> dict[str, Json]:
    """Every parameter's value; raises ``InvalidInput``."""
    faults = []
    for name in parameters.keys() - template.parameters.keys():
        hint = Nearest(template.parameters).hint(name) or f"; it has {', '.join(template.parameters) or 'none'}"
        faults.append(_fault(name, f"the template {template.name} has no such parameter{hint}"))
    values: dict[str, Json] = {}
    for name, parameter in template.parameters.items():
        if name not in parameters:
            if parameter.required:
                about = f": {parameter.description}" if parameter.description else ""
                faults.append(_fault(name, f"is missing; give a value of type {parameter.type}{about}"))
            values[name] = parameter.default
            continue
        values[name] = parameters[name]
        if detail := parameter.fault(values[name]):
            faults.append(_fault(name, detail))
    if faults:
        raise InvalidInput(sorted(faults, key=lambda fault: fault.pointer))
    return values


def _fault(name: str, detail: str) -> Fault:
    return Fault(f"/parameters/{str(name)[:100].replace('~', '~0').replace('/', '~1')}", detail)


def _subtask(raw: Mapping[str, Json], values: Values, literal_of: Callable[[str], Container[str]]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for name, part in raw.items():
        if name == "input":
            made[name] = _input(part, values, literal_of(str(raw.get("type"))))
        elif name == "fallback" and isinstance(part, dict):
            fields = literal_of(str(part.get("type")))
            made[name] = {at: _input(below, values, fields) if at == "input" else below for at, below in part.items()}
        elif name == "map" and isinstance(part, dict):
            made[name] = {at: (_quoted if at == "over" else _plainly)(below, values) for at, below in part.items()}
        else:
            made[name] = _plainly(part, values)
    return made


def _input(value: Json, values: Values, fields: Container[str]) -> Json:
    if isinstance(value, dict):
        return {name: part if name in fields else _quoted(part, values) for name, part in value.items()}
    if isinstance(value, str) and (name := _whole(value)):
        return literal_input("", values[name], fields)
    return _quoted(value, values)


def _plainly(value: Json, values: Values) -> Json:
    """``value`` with its parameters, where no reference is resolved afterwards."""
    if isinstance(value, str):
        if name := _whole(value):
            return values[name]
        return PLACE.sub(lambda found: found[0] if found[1] is None else _text(values[parameter_of(found)]), value)
    return _each(value, lambda part: _plainly(part, values))


def _quoted(value: Json, values: Values) -> Json:
    """``value`` with its parameters, where references are resolved afterwards."""
    if isinstance(value, str):
        name = _whole(value)
        return literal(values[name]) if name else _composed(value, values)
    return _each(value, lambda part: _quoted(part, values))


def _each(value: Json, change: Callable[[Json], Json]) -> Json:
    if isinstance(value, dict):
        return {name: change(part) for name, part in value.items()}
    return [change(part) for part in value] if isinstance(value, list) else value


def _whole(text: str) -> str:
    """The parameter that a text consists of; empty when it is anything else."""
    found = PLACE.fullmatch(text)
    return parameter_of(found) if found and found[1] is not None else ""


def _composed(text: str, values: Values) -> str:
    """A text with parameters in it: only its own references and escaped braces stay as they are."""
    places = [found for found in PLACE.finditer(text) if found[1] is not None]
    if not places:
        return text
    made, loose, last, at = "", "", "", 0
    for begin, end in [*(found.span() for found in places), (len(text), len(text))]:
        before = text[at:begin]
        cut = 0
        for start, stop in tokens(before):
            loose += before[cut:start]
            made, loose = made + _escaped(loose, before[start:stop], last) + before[start:stop], ""
            cut = stop
        loose += before[cut:]
        if begin < end:
            last = parameter_of(places.pop(0))
            loose += _text(values[last])
        at = end
    return made + _escaped(loose, "", last)


def _escaped(loose: str, token: str, last: str) -> str:
    """Text between two of the template's own references."""
    if token.startswith("{{") and loose.endswith("\\"):
        raise InvalidInput([_fault(last, r"ends with \ right before a reference of the template, and would hide it")])
    return loose.replace("{{", r"\{{")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
