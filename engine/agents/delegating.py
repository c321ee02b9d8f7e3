"""Sub-agents: work that an agent gives to other roles, as new subtasks of its task.

The model is offered one more tool, ``delegate``, where its role names to whom it may. A call of it does nothing yet: it
is a step of the talk like any other, so a crash forgets none and repeats none. When the agent has ended its subtask
grows what was delegated. Pure.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from engine.agents.budget import Budget, tokens_of
from engine.agents.result import AgentResult, Delegated, ToolCall
from engine.agents.roles import AgentRole
from engine.errors import Category, ToolExecutionError
from engine.language import Offered, Usage
from engine.model import Expand, Json
from engine.tools.base import Input
from engine.tools.faults import faults_of

NAME = "delegate"
MOST = 20
"""Subtasks that one agent may add."""
LEAST_TOKENS = 2_000
"""An agent with less has no use."""
_ABOUT = (
    "Gives a piece of work to another agent, which begins once you have ended. You do not see what comes of it: say in "
    "your answer what you have delegated and why. It knows nothing of your talk, so say all that it needs in prompt."
)


class Order(Input):
    """What is delegated."""

    key: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,59}$")
    """A short name of your own for it."""
    role: str = Field(min_length=1, max_length=64)
    """Who is to do it."""
    prompt: str = Field(min_length=1, max_length=50_000)
    """What is to be done."""
    after: list[str] = Field(default_factory=list, max_length=MOST)
    """Keys of others that you have delegated before and that have to be done first; it gets their answers to read."""


def offer(role: AgentRole) -> list[Offered]:
    """The tool as a model is offered it; nothing where the role may not delegate."""
    if not role.delegates:
        return []
    schema = Order.model_json_schema()
    fields: dict[str, Any] = schema["properties"]
    fields["role"] = {**fields["role"], "enum": list(role.delegates)}
    return [Offered(NAME, _ABOUT, schema)]


def order(role: AgentRole, value: Json, before: list[Delegated], left: int) -> Delegated:
    """What a call delegates.

    Args:
        role: of whoever calls.
        value: the input of the call.
        before: what was delegated before it.
        left: tokens of the caller's budget, which all that it delegates shares.

    Raises:
        ToolExecutionError: it may not, or what it wants makes no sense.
    """
    try:
        found = Order.model_validate(value)
    except ValidationError as error:
        listed = "; ".join(f"/{'/'.join(map(str, path))}: {message}" for path, message in faults_of(error, Order)[:5])
        raise ToolExecutionError("input", f"the input of {NAME} does not fit: {listed}") from None
    known = [one.key for one in before]
    if found.role not in role.delegates:
        listed = ", ".join(role.delegates) or "nobody"
        raise _refused(f"the role {role.name} may delegate to {listed} and to nobody else", Category.PERMISSION)
    if found.key in known:
        raise _refused(f"there is a {found.key!r} already; take another key")
    if missing := [key for key in found.after if key not in known]:
        raise _refused(f"nothing called {missing[0]!r} was delegated before; there is {', '.join(known) or 'nothing'}")
    if len(before) >= MOST:
        raise _refused(f"{MOST} subtasks are the most that one agent may add")
    if left // (len(before) + 1) < LEAST_TOKENS:
        raise _refused("there is not enough left of your budget for one more agent; do it yourself, or say so")
    return Delegated(found.key, found.role, found.prompt, found.after)


def orders(role: AgentRole, calls: list[ToolCall]) -> list[Delegated]:
    """What a talk has delegated: its calls that went well, in their order."""
    found: list[Delegated] = []
    for call in calls:
        if call.name == NAME and call.ok and call.text and role.delegates:
            given = Order.model_validate(call.input)
            found.append(Delegated(given.key, given.role, given.prompt, given.after))
    return found


def grown(result: AgentResult, budget: Budget, run_by: str | None) -> Expand:
    """The subtasks that a result delegates. They share what its agent has left of its budget."""
    shared = _shared(budget, result.usage, len(result.delegated))
    subtasks = [_subtask(one, shared, run_by) for one in result.delegated]
    return Expand(subtasks, result.to_json(), {"delegated_by": result.role})


def _shared(budget: Budget, used: Usage, number: int) -> dict[str, Json]:
    found: dict[str, Json] = {
        "turns": budget.turns,
        "tool_calls": budget.tool_calls,
        "tokens": max(1, (budget.tokens - tokens_of(used)) // number),
    }
    if budget.cost is not None:
        found["cost"] = max(1e-9, (budget.cost - (used.cost or 0.0)) / number)
    if budget.seconds is not None:
        found["seconds"] = budget.seconds
    return found


def _subtask(one: Delegated, budget: dict[str, Json], run_by: str | None) -> dict[str, Json]:
    """One of them. What the model wrote is a text and no reference: it could name anything."""
    value: dict[str, Json] = {"role": one.role, "prompt": one.prompt.replace("{{", r"\{{"), "budget": budget}
    if one.after:
        value["context"] = {"results": {key: f"{{{{subtasks.{key}.output.text}}}}" for key in one.after}}
    if run_by is not None:
        value["run_by"] = run_by
    return {"key": one.key, "type": "agent", "input": value, "dependencies": list(one.after)}


def _refused(message: str, category: Category = Category.CONFIGURATION) -> ToolExecutionError:
    return ToolExecutionError("refused", message, category=category)
