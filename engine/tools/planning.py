"""``planning``: a plan by Claude for what no rule understands, or the outline of a text that is to be generated.

A plan is checked like one that a caller sends, with the allowed types only, before the subtask returns it as an
expansion. A plan that does not pass is shown its faults once; after that the subtask fails and says which case it was.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from pydantic import Field

from engine.errors import Category, ToolError
from engine.language import LanguageModel, NoAnswer, Prompt
from engine.model import Expand, Json
from engine.planning.answer import RUNS_CODE, Bounds, ModelPlan, answer_schema, plan_faults, read_answer
from engine.planning.outline import item_count, names_in, prompt_outline, template_outline
from engine.planning.prompt import Offer, Wish, system_prompt, user_message
from engine.toolport import Risk, RunContext, Tool, ToolHealth
from engine.tools.addresses import endpoint_of
from engine.tools.base import FunctionTool, Input, InputFault, ModelTool
from engine.tools.faults import closest
from engine.tools.health import model_health
from engine.tools.talk import Talk, Unfit, read_json
from engine.tools.template_variables import TemplateFault, variables_of

"""Types that a plan by a model may use only when the caller names them."""
MAX_TOKENS = 16_000
_SHOWN_FAULTS = 20
_PLAN_FIELDS = ("description", "type", "allowed_types", "input", "parameters")
_OUTLINE_FIELDS = ("goal", "template", "prompt", "data")
_BY_RULE = (
    "arithmetic; fetch, read, convert, summarise and compare over given URLs, files and data; numbered or "
    "comma-separated steps; the types of data processing, analysis, generation, transformation and multi-step work"
)


class PlanningInput(Input):
    """Either a task to plan (description or type), or a text to outline (goal, template, prompt or data)."""

    description: str | None = Field(default=None, min_length=10, max_length=5_000)
    """What is wanted, in a sentence."""
    type: str | None = Field(default=None, min_length=1, max_length=200)
    """The type of a task that no strategy knows."""
    allowed_types: list[str] | None = Field(default=None, min_length=1, max_length=1_000)
    """The types that the plan may use; unless given every one but planning and those that run code."""
    input: Json = None
    """The task's input; the model sees its shape only."""
    parameters: dict[str, Json] | None = None
    """Parameters of a typed task."""
    goal: str | None = Field(default=None, min_length=1, max_length=5_000)
    """What the text is for."""
    template: str | None = Field(default=None, max_length=1_000_000)
    """A Jinja template; references in it are not resolved."""
    prompt: str | None = Field(default=None, min_length=1)
    """What the text is to say."""
    data: Json = None
    """What the text is about."""


class Planning(ModelTool[PlanningInput]):
    """Plans a task with Claude and adds the subtasks to it, or returns ``{"outline": [...]}`` of a text.

    Args:
        model: Claude; None when there is no key.
        tools: the tool of a type.
        names: every type there is.
        planner: the model that plans, by name; None takes the default.
        bounds: how large a plan may be.
        experience: what is learned of a type, as (median seconds, share that succeeds).
    """

    name = "planning"
    grows = True
    idempotent = True
    risk: Risk = "read"
    untrusted = True
    literal = frozenset({"template"})
    model = PlanningInput

    def __init__(
        self,
        model: LanguageModel | None,
        tools: Callable[[str], Tool | None],
        names: Callable[[], list[str]],
        *,
        planner: str | None = None,
        bounds: Bounds | None = None,
        experience: Callable[[str], tuple[float | None, float | None]] = lambda _: (None, None),
    ) -> None:
        self._model, self._tools, self._names = model, tools, names
        self._planner, self._bounds, self._experience = planner, bounds or Bounds(), experience

    def examine(self, value: PlanningInput) -> None:
        """One of the two forms, types that exist, and a template that can be read."""
        plans, outlines = _given(value, _PLAN_FIELDS), _given(value, _OUTLINE_FIELDS)
        if plans and outlines:
            raise InputFault(f"belongs to an outline; leave it out beside {plans[0]}", outlines[0])
        if not outlines and value.description is None and value.type is None:
            raise InputFault("should have a description or a type to plan, or a template, prompt or data to outline")
        for index, name in enumerate(value.allowed_types or []):
            self._examine_type(name, index)
        if value.template is not None:
            try:
                variables_of(value.template)
            except TemplateFault as fault:
                raise InputFault(str(fault), "template") from None

    def _examine_type(self, name: str, index: int) -> None:
        if name == self.name:
            raise InputFault("a plan cannot hold another planning; leave it out", "allowed_types", index)
        if self._tools(name) is None:
            raise InputFault(f"there is no subtask type {name}{closest(name, self._names())}", "allowed_types", index)

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """Where Claude is."""
        return "" if self._model is None else endpoint_of(self._model.address)

    async def health_check(self) -> ToolHealth:
        """Whether there is a key; to ask Claude would cost."""
        return model_health(self._model)

    async def perform(self, value: PlanningInput, context: RunContext) -> Json:
        """The expansion, or the outline."""
        if value.description is None and value.type is None:
            return _outline(value)
        if self._model is None:
            raise _without_key(value)
        talk = Talk(self._model)
        try:
            plan = await self._planned(value, talk)
            if not plan.subtasks:
                raise Unfit("no plan", [plan.reason])
        except Unfit as unfit:
            raise _unusable(unfit, talk) from None
        except NoAnswer as error:
            error.output = _record(talk, error.case, [])
            raise
        context.log("info", "planned by a model", subtasks=len(plan.subtasks), repaired=talk.repaired)
        return Expand(plan.subtasks, note=_note(talk, plan))

    async def _planned(self, value: PlanningInput, talk: Talk) -> ModelPlan:
        """The plan after at most one repair; raises ``Unfit``."""
        allowed = self._allowed(value)
        wish = Wish(value.description or "", value.type or "", value.input, value.parameters)
        prompt = Prompt(
            messages=[{"role": "user", "content": user_message(wish)}],
            system=system_prompt([self._offer(name) for name in allowed]),
            schema=answer_schema(allowed),
            model=self._planner,
            max_tokens=MAX_TOKENS,
        )
        return await talk.fitting(prompt, lambda text: self._read(text, allowed))

    def _allowed(self, value: PlanningInput) -> list[str]:
        """The types of the plan, sorted, so that equal ones make an equal prompt."""
        if value.allowed_types is not None:
            return sorted(set(value.allowed_types))
        return sorted(set(self._names()) - RUNS_CODE - {self.name})

    def _read(self, text: str, allowed: list[str]) -> ModelPlan:
        plan = read_answer(read_json(text))
        if not plan.subtasks and not plan.faults and plan.reason:
            return plan
        if faults := plan.faults or plan_faults(plan.subtasks, self._tools, allowed, self._bounds):
            raise Unfit("invalid plan", faults)
        return plan

    def _offer(self, name: str) -> Offer:
        tool = self._tools(name)
        assert tool is not None
        return Offer(name, tool.version, _about(tool), tool.schema(), *self._experience(name))


def _about(tool: Tool) -> str:
    """What a tool does: the first paragraph of its docstring, or a function's in its schema."""
    schema = tool.schema()
    text = schema.get("description", "") if isinstance(tool, FunctionTool) else inspect.getdoc(type(tool)) or ""
    return " ".join(str(text).split("\n\n")[0].split())


def _given(value: PlanningInput, fields: tuple[str, ...]) -> list[str]:
    return [name for name in fields if getattr(value, name) is not None]


def _record(talk: Talk, case: str, faults: list[str]) -> dict[str, Json]:
    return {"by": "claude", "case": case, **talk.record(), "faults": faults[:_SHOWN_FAULTS]}


def _note(talk: Talk, plan: ModelPlan) -> dict[str, Json]:
    """How the expansion came about."""
    found = {
        "by": "claude",
        **talk.record(),
        "repaired": talk.repaired,
        "request_ids": talk.request_ids,
        "plan": plan.subtasks,
    }
    return found | ({"reason": plan.reason} if plan.reason else {})


def _without_key(value: PlanningInput) -> ToolError:
    """The honest end of what no rule understands where there is no model."""
    what = "this sentence" if value.description is not None else f"the type {value.type}"
    return ToolError(
        f"no rule understands {what}, and ANTHROPIC_API_KEY is not set, so nobody can plan it. By rule: {_BY_RULE}",
        category=Category.CONFIGURATION,
        suggestion='Set ANTHROPIC_API_KEY, or send {"plan": {"subtasks": [...]}} or a typed task.',
        output={"by": "rule", "case": "no key"},
    )


def _unusable(unfit: Unfit, talk: Talk) -> ToolError:
    """The error of an answer that came and cannot be used."""
    message, suggestion = {
        "truncated": ("Claude's plan was cut off before its end", "Split the task, or write a plan."),
        "refused": ("Claude refuses to plan this", "Word the task differently, or write a plan."),
        "no plan": (
            f"Claude finds no plan with the allowed types: {unfit.faults[0]}",
            "Allow the types that it needs.",
        ),
        "not JSON": ("Claude's answer is no plan", "Retry the subtask, or write a plan."),
        "invalid plan": (
            f"Claude's plan is not valid, nor was a second one: {'; '.join(unfit.faults[:3])}",
            "Describe the task in more detail, or write a plan.",
        ),
    }[unfit.case]
    error = ToolError(message, suggestion=suggestion, output=_record(talk, unfit.case, unfit.faults))
    if unfit.case == "refused":
        error.repeat = False
    return error


def _outline(value: PlanningInput) -> Json:
    """The outline of a text; a template whose data lacks something fails here, before anything is generated."""
    found: dict[str, Json] = {"items": item_count(value.data)}
    found |= {"goal": value.goal} if value.goal is not None else {}
    if value.template is None:
        return {"outline": prompt_outline(value.prompt or value.goal or "", value.data), **found}
    needed = variables_of(value.template)
    known = names_in(value.data)
    if missing := [name for name in needed.names if name not in known and name not in needed.optional]:
        there = ", ".join(sorted(known - {"data"})[:20]) or "nothing"
        raise ToolError(
            f"the template needs {', '.join(missing)}, and the data has {there}",
            category=Category.CONFIGURATION,
            suggestion="Add it to the data, correct the name, or give it a default: {{ name | default('') }}.",
        )
    return {"outline": template_outline(needed.names, needed.optional, value.data), **found}
