"""Several steps: those of the caller, else prepare, execute, finalize.

A step is the name of a type, or ``{name, type, input, dependencies, ...}`` with any other field of a subtask. It needs
the step before it unless it says what it needs; a step without input, or one that reads rows and does not say where
they are, gets the output of what it needs, and the first ones get the task's input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.planning.complexity import MULTI_STEP_WORDS
from engine.planning.sources import Source, source_of
from engine.planning.strategies.base import AS_THEY_ARE, SURE, Draft, Wish
from engine.planning.subtasks import SubTask, keys, output, outputs
from engine.planning.words import says

TOP = 10
"""Priority of the first step; each further one has one less, down to 0."""
_PREPARE = ("schema", "on_fault")
_FINALIZE = ("to", "to_path")
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_.:+-]+")
_READS_ROWS = (
    *("validation", "processing", "aggregation", "data_processing", "extraction", "analysis", "parsing"),
    *("transformation", "formatting", "prepare", "execute", "finalize"),
)
"""Types whose input is a SOURCE."""
_PLACES = ("data", "path", "url", "source", "parts")
_FIXED = ("name", "key", "type", "input", "dependencies", "priority", "description")


class MultiStep:
    """Plans types such as ``workflow``, ``data_pipeline`` or ``multi_step``; these words win over all others."""

    name = "multi_step.v1"

    def rate(self, type: str) -> float:
        """Above every other strategy when one of its words is there."""
        return SURE if says(type, MULTI_STEP_WORDS) else 0.0

    def plan(self, wish: Wish) -> Draft:
        """The given steps, else the three that are always possible."""
        steps = steps_of(wish.input, wish.parameters)
        if steps is None:
            return Draft(_usual(wish))
        extra = sorted(wish.parameters.keys() - {"steps"})
        if extra:
            raise InvalidInput([Fault(f"/parameters/{name}", _NO_PLACE) for name in extra])
        return Draft(_given(wish, steps))


_NO_PLACE = "belongs to no step; put it into the input of the step that needs it"


def steps_of(input: Json, parameters: dict[str, Json]) -> Json:
    """The steps in the parameters, else in the input; None when there are none."""
    if parameters.get("steps") is not None:
        return parameters["steps"]
    return input.get("steps") if isinstance(input, dict) else None


def _usual(wish: Wish) -> list[SubTask]:
    loads = _loads(wish, source_of(wish.input))
    asked = wish.others((*_PREPARE, *_FINALIZE))
    execute = {"data": output(loads[-1].key), **asked}
    finalize = {"data": output("execute"), **wish.given(_FINALIZE)}
    return [
        *loads,
        SubTask("execute", "execute", execute, (loads[-1].key,), TOP - 1, "Does the work"),
        SubTask("finalize", "finalize", finalize, ("execute",), TOP - 2, "Formats the result"),
    ]


def _loads(wish: Wish, source: Source) -> list[SubTask]:
    """The stage that loads the data; of several files each, and then one that puts them together."""
    checks, told = wish.given(_PREPARE), "Loads and checks the rows"
    if len(source.each) < 2:
        return [SubTask("prepare", "prepare", {**source.fields, **checks}, (), TOP, told)]
    each = [
        SubTask(f"prepare_{number}", "prepare", {**fields, **checks}, (), TOP, told)
        for number, fields in enumerate(source.each, 1)
    ]
    together: dict[str, Json] = {"parts": outputs(each), **AS_THEY_ARE}
    return [*each, SubTask("combine", "aggregation", together, keys(each), TOP, "Puts the files together")]


def _given(wish: Wish, steps: Json) -> list[SubTask]:
    if not isinstance(steps, list) or not steps:
        raise InvalidInput([Fault("/parameters/steps", "should be a list of at least one step")])
    faults: list[Fault] = []
    made: list[SubTask] = []
    named: dict[str, str] = {}
    for index, step in enumerate(steps):
        fields = {"name": step, "type": step} if isinstance(step, str) else step
        problems = list(_problems(fields, index))
        if problems:
            faults += problems
            continue
        key = _key(str(fields.get("name") or fields.get("key") or fields["type"]), {one.key for one in made})
        named.setdefault(str(fields.get("name") or key), key)
        made.append(_step(wish, index, key, fields, made, named))
    if faults:
        raise InvalidInput(faults)
    return made


def _problems(step: Json, index: int) -> Iterator[Fault]:
    place = f"/parameters/steps/{index}"
    if not isinstance(step, dict):
        yield Fault(place, "should be the name of a type, or an object with name, type and input")
        return
    kind = step.get("type") or step.get("name")
    if not isinstance(kind, str) or not kind.strip():
        yield Fault(place, "should have a type: the name of a tool")
    needs = step.get("dependencies")
    if needs is not None and not (isinstance(needs, list) and all(isinstance(need, str) for need in needs)):
        yield Fault(f"{place}/dependencies", "should be a list of names of steps")
    priority = step.get("priority", TOP)
    if type(priority) is not int or not 0 <= priority <= TOP:
        yield Fault(f"{place}/priority", "should be a whole number from 0 to 10")


def _key(name: str, taken: set[str]) -> str:
    """A key like the name that is not taken yet."""
    key = _NOT_IN_KEYS.sub("_", name.strip()).lstrip(".:+-")[:190] or "step"
    number = 2
    found = key
    while found in taken:
        found, number = f"{key}_{number}", number + 1
    return found


def _step(
    wish: Wish, index: int, key: str, fields: dict[str, Json], made: list[SubTask], named: dict[str, str]
) -> SubTask:
    kind = fields.get("type") or fields["name"]
    if fields.get("dependencies") is not None:
        needs = tuple(dict.fromkeys(named.get(name, name) for name in fields["dependencies"]))
    else:
        needs = (made[-1].key,) if made else ()
    options = {name: value for name, value in fields.items() if name not in _FIXED}
    value = _completed(wish, kind, needs, fields["input"]) if "input" in fields else _input(wish, kind, needs)
    priority = fields.get("priority", max(TOP - index, 0))
    return SubTask(key, kind, value, needs, priority, str(fields.get("description", "")), options)


def _completed(wish: Wish, kind: str, needs: tuple[str, ...], given: Json) -> Json:
    """The input of a step; one that reads rows and says nothing of where they are gets those of the step before."""
    if kind not in _READS_ROWS or not isinstance(given, dict) or any(place in given for place in _PLACES):
        return given
    found = {name: value for name, value in _input(wish, kind, needs).items() if name not in given}
    return {**found, **given}


def _input(wish: Wish, kind: str, needs: tuple[str, ...]) -> Json:
    """What a step without input gets."""
    if kind == "insight_generation":
        return {"analysis": "{{previous_output}}" if needs else "{{input}}"}
    if kind not in _READS_ROWS:
        return "{{previous_output}}" if needs else _task_input(wish)
    place = {"data": "{{previous_output}}"} if needs else _one_source(wish)
    return {**place, "to": "json"} if kind == "formatting" else place


def _one_source(wish: Wish) -> dict[str, Json]:
    source = source_of(_task_input_value(wish))
    if len(source.each) > 1:
        raise InvalidInput([Fault("/input/paths", "a step reads one file; give each step its own input, with path")])
    return source.fields


def _task_input(wish: Wish) -> Json:
    """The task's input as a whole; nothing when it holds nothing but the steps."""
    return "{{input}}" if _task_input_value(wish) not in (None, {}) else {}


def _task_input_value(wish: Wish) -> Json:
    if isinstance(wish.input, dict):
        return {name: value for name, value in wish.input.items() if name != "steps"}
    return wish.input
