"""Which rule is for a subtask: the first of which everything holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine import conditions
from engine.errors import ToolError
from engine.model import Json, Value
from engine.routing.rules import Rule


class About(Value, frozen=True):
    """What rules look at: a subtask with its resolved ``input``, and its task."""

    type: str
    key: str
    input: Json
    capabilities: tuple[str, ...] = ()
    task_id: str = ""
    task_name: str = ""
    tags: tuple[str, ...] = ()
    task_input: Json = None

    @property
    def scope(self) -> dict[str, Json]:
        """What a predicate sees."""
        task = {"id": self.task_id, "name": self.task_name, "tags": list(self.tags), "input": self.task_input}
        return {"input": self.input, "task": task, "type": self.type, "key": self.key}


def matching(rules: Sequence[Rule], about: About) -> Rule | None:
    """The first rule that is for a subtask; None when its type runs it."""
    return next((rule for rule in rules if not mismatch(rule, about)), None)


def mismatch(rule: Rule, about: About) -> str:
    """Why a rule is not for a subtask; empty when it is."""
    if not rule.may_match(about.type):
        return f"it is for {' or '.join(rule.types)}"
    if missing := rule.tags.difference(about.tags):
        return f"its task has no tag {', '.join(sorted(missing))}"
    if rule.capabilities and rule.capabilities.isdisjoint(about.capabilities):
        return f"it requires no {' or '.join(sorted(rule.capabilities))}"
    if rule.predicate:
        try:
            if not conditions.holds(rule.predicate, about.scope, "match.input"):
                return "its input does not match"
        except ToolError as error:
            return str(error)
    return ""
