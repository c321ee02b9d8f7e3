"""From what a caller sends, in any form, to a body with a plan, and a record of how that came about.

In this order: an explicit plan is taken as it is; a template is filled; a typed task is planned by strategy; a sentence
by a plan that has worked before, else by rule. What nobody here understands becomes one ``planning`` subtask that asks
a model while the task runs, so that retry, cancel, cost and crash recovery come with it. Without a model that subtask
says what is missing: nothing is made up.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Container, Mapping

import msgspec

from engine.errors import Fault, InvalidInput
from engine.model import Json, Value
from engine.plan.nearest import Nearest
from engine.plan.schema import TaskRequest
from engine.plan.stored import OF_THE_FORM, Origin
from engine.plan.validate import ValidPlan, request_of
from engine.planning.answer import RUNS_CODE
from engine.planning.decomposer import AS_IT_IS, TaskDecomposer
from engine.planning.filling import fill
from engine.planning.learned import Pattern, shape, skeleton
from engine.planning.literals import literal
from engine.planning.sentences import understand
from engine.planning.strategies.multi_step import MultiStep
from engine.planning.subtasks import Planned
from engine.planning.templates import TemplateSet
from engine.planstore import PlanMemory
from engine.secrets.vault import NONE_ALLOWED, Allowed
from engine.toolport import Tool

SENTENCE = "sentence"
"""The type of a task that was sent as a sentence."""
PLANNING = "planning"
"""The subtask type that asks a model, and the key of such a subtask."""
STRATEGIES = frozenset({"data_processing", "analysis", "generation", "transformation", "multi_step"})
"""Types that are a strategy's although a tool has that name: it does the whole of a simple task."""


class Made(Value, frozen=True):
    """A body with an explicit plan, and what the stored task says of the form in which it came."""

    body: dict[str, Json]
    type: str = "plan"
    description: str = ""
    origin: Origin | None = None

    def onto(self, plan: ValidPlan) -> ValidPlan:
        """The checked plan with what the task says of itself."""
        return msgspec.structs.replace(plan, type=self.type, description=self.description, origin=self.origin)


class Planner:
    """Plans what comes in to one engine.

    Args:
        memory: the plans that have worked.
        tools: the tool of a type.
        names: every type there is.
        templates: the users' own.
        has_model: whether a model can be asked.
        size: the bytes of a file below the roots; None when it cannot be read.
        secrets: what a body may hold of secrets.
    """

    def __init__(
        self,
        memory: PlanMemory,
        tools: Callable[[str], Tool | None],
        names: Callable[[], list[str]],
        templates: TemplateSet,
        has_model: bool,
        size: Callable[[str], int | None] = lambda _: None,
        secrets: Allowed = NONE_ALLOWED,
    ) -> None:
        self._secrets = secrets
        self._memory = memory
        self._tools = tools
        self._names = names
        self.templates = templates
        self._has_model = has_model
        self._size = size

    async def plan(self, body: Json) -> Made:
        """The body with its plan. An explicit one is not looked at. Raises ``InvalidInput`` with every fault."""
        if isinstance(body, dict) and body.get("plan") is not None:
            return Made(body)
        request = await asyncio.to_thread(request_of, body, self._secrets)
        if request.template is not None:
            return self._filled(body, request, request.template)
        if request.type is not None:
            return await self._typed(body, request, request.type)
        assert request.description is not None
        return await self._sentence(body, request, request.description)

    def _filled(self, body: dict[str, Json], request: TaskRequest, name: str) -> Made:
        template = self.templates.require(name)
        filled = fill(template, request.parameters or {}, self._literal)
        description = str(filled.pop("description", template.description))  # beside a plan it would be a second form
        return Made(filled | _common(body), name, description, Origin("template", name))

    async def _typed(self, body: dict[str, Json], request: TaskRequest, type_: str) -> Made:
        decomposer = TaskDecomposer(tools=frozenset(self._names()) - STRATEGIES, literal=self._literal)
        known = self._tools(type_) is not None or decomposer.registry.choose(type_) is not None
        if known:
            sized = self._sized(request.input)
            planned = await asyncio.to_thread(decomposer.plan, type_, sized, request.parameters)
            return _made(body, planned, "strategy", type_)
        key = _key(type_, request, shape(request.input))
        found = await self._recalled(request, key, ())
        if found is None and not self._has_model:
            hint = Nearest(self._names()).hint(type_) or ", and none of the strategies knows a word of it"
            raise InvalidInput([Fault("/type", f'there is no task type "{type_[:100]}"{hint}')])
        return self._by_memory_or_model(body, request, type_, key, found)

    async def _sentence(self, body: dict[str, Json], request: TaskRequest, sentence: str) -> Made:
        bare = skeleton(sentence)
        key = _key(SENTENCE, request, [bare.text, shape(request.input)])
        found = await self._recalled(request, key, bare.literals)
        planned = None if found else await asyncio.to_thread(understand, sentence, request.input)
        if planned is not None and _allows(request, planned):
            return _made(body, planned, "rules", SENTENCE, sentence)
        return self._by_memory_or_model(body, request, SENTENCE, key, found)

    async def _recalled(self, request: TaskRequest, key: str, literals: tuple[Json, ...]) -> list[Json] | None:
        """The subtasks of a plan that has worked, filled in; None where there is none that surely fits."""
        learned = await self._memory.learned(key) if request.learned else None
        if learned is None:
            return None
        subtasks = Pattern.decode(learned.pattern).fill(literals)
        allowed = set(request.allowed_types or set(self._names()) - RUNS_CODE)
        return subtasks if subtasks and {subtask["type"] for subtask in subtasks} <= allowed else None

    def _by_memory_or_model(
        self, body: dict[str, Json], request: TaskRequest, type_: str, key: str, found: list[Json] | None
    ) -> Made:
        sentence = request.description or ""
        learnable = key if request.learned else ""
        if found:
            return Made(_planned(body, found), type_, sentence, Origin("learned", key=learnable))
        by = "model" if self._has_model else "none"
        return Made(_planned(body, [_asking(request)]), type_, sentence, Origin(by, PLANNING, key=learnable))

    def _literal(self, type_: str) -> Container[str]:
        tool = self._tools(type_)
        return tool.literal if tool else ()

    def _sized(self, value: Json) -> Json:
        """The input with the size of its file, which tells how complex the task is."""
        if not isinstance(value, dict) or not isinstance(value.get("path"), str) or "bytes" in value:
            return value
        size = self._size(value["path"])
        return value if size is None else {**value, "bytes": size}


def as_asked(error: InvalidInput, made: Made, body: Json) -> InvalidInput:
    """The faults of a plan that the planner has made, at the places of what the caller sent."""
    if made.origin is None:
        return error
    return InvalidInput([_asked(fault, made, made.origin, body) for fault in error.faults])


def _asked(fault: Fault, made: Made, origin: Origin, body: Mapping[str, Json]) -> Fault:
    parts = fault.pointer.split("/")
    if parts[1:3] != ["plan", "subtasks"]:
        return fault
    number, rest = parts[3:4], parts[4:]
    numbered = bool(number) and number[0].isdigit()
    if numbered and (step := _step(int(number[0]), rest, made, body)):
        return Fault(step, fault.detail)
    if origin.name == AS_IT_IS and rest[:1] == ["input"]:
        return Fault("/".join(["", *rest]), fault.detail)
    if rest[:1] == ["input"] and len(rest) > 1:
        for place in ("parameters", "input"):
            given = body.get(place)
            if isinstance(given, dict) and rest[1] in given:
                return Fault("/".join(["", place, *rest[1:]]), fault.detail)
        if rest[1] == "allowed_types" and rest[1] in body:
            return Fault("/".join(["", *rest[1:]]), fault.detail)
    form = next((name for name in ("template", "type", "description") if body.get(name) is not None), "")
    keys = [subtask["key"] for subtask in made.body["plan"]["subtasks"]]
    about = f'subtask "{keys[int(number[0])]}"' if numbered else "the plan"
    return Fault(f"/{form}", f"{about}{' at /' + '/'.join(rest) if rest else ''}: {fault.detail}")


def _step(number: int, rest: list[str], made: Made, body: Mapping[str, Json]) -> str:
    """Where the caller has written the step that became a subtask; empty when it is none of theirs."""
    if made.origin is None or made.origin.name != MultiStep.name:
        return ""
    for place in ("parameters", "input"):
        given = body.get(place)
        steps = given.get("steps") if isinstance(given, dict) else None
        if isinstance(steps, list) and number < len(steps):
            below = rest if isinstance(steps[number], dict) else []
            return "/".join(["", place, "steps", str(number), *below])
    return ""


def _common(body: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if name not in OF_THE_FORM}


def _planned(body: Mapping[str, Json], subtasks: list[Json]) -> dict[str, Json]:
    return {**_common(body), "plan": {"subtasks": subtasks}}


def _made(body: Mapping[str, Json], planned: Planned, by: str, type_: str, description: str = "") -> Made:
    origin = Origin(by, planned.strategy, planned.level.value, planned.reasons)
    return Made({**_common(body), "plan": planned.as_plan()}, type_, description, origin)


def _allows(request: TaskRequest, planned: Planned) -> bool:
    allowed = request.allowed_types
    return allowed is None or {subtask.type for subtask in planned.subtasks} <= set(allowed)


def _asking(request: TaskRequest) -> dict[str, Json]:
    """The subtask that asks a model for the rest of the plan."""
    asked: dict[str, Json] = {
        "description": literal(request.description),
        "type": request.type,
        "allowed_types": request.allowed_types,
        "parameters": literal(request.parameters),
        "input": "{{input}}" if request.input is not None else None,
    }
    return {
        "key": PLANNING,
        "type": PLANNING,
        "input": {name: value for name, value in asked.items() if value is not None},
    }


def _key(type_: str, request: TaskRequest, about: Json) -> str:
    """What a plan is learned under: the type, what was asked, and what must be equal the next time."""
    allowed = sorted(set(request.allowed_types)) if request.allowed_types else None
    text = msgspec.json.encode([about, request.parameters, allowed], order="deterministic")
    return f"{type_}:{hashlib.sha256(text).hexdigest()}"
