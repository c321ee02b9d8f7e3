"""``subplan``: grows the subtasks of a plan template where it stands in its task."""

from __future__ import annotations

from pydantic import Field

from engine.errors import Category, InvalidInput, ToolError
from engine.model import Expand, Json
from engine.planning.filling import fill
from engine.planning.templates import TemplateSet
from engine.toolport import Risk, RunContext
from engine.tools.base import Input, ModelTool
from engine.tools.faults import Faults


class SubplanInput(Input):
    """Which template, and its parameters."""

    template: str = Field(min_length=1, max_length=100)
    """Its name; GET /templates lists them."""
    parameters: dict[str, Json] = Field(default_factory=dict)
    """By name; those with a default may be left out."""


class Subplan(ModelTool[SubplanInput]):
    """Its output is that of the subtasks which it grows. Their keys are those of the template.

    Args:
        templates: those that there are.
    """

    name = "subplan"
    grows = True
    idempotent = True
    risk: Risk = "read"
    model = SubplanInput

    def __init__(self, templates: TemplateSet) -> None:
        self._templates = templates

    def check(self, value: Json) -> Faults:
        """Faults of the input, those of the template's own parameters included."""
        faults = super().check(value)
        if faults:
            return faults
        try:
            self._filled(self.read(value))
        except InvalidInput as refused:
            return [(_path(fault.pointer), fault.detail) for fault in refused.faults]
        return []

    async def perform(self, value: SubplanInput, context: RunContext) -> Json:  # noqa: ARG002
        """The subtasks of the template."""
        try:
            body = self._filled(value)
        except InvalidInput as refused:
            raise ToolError(
                str(refused), category=Category.CONFIGURATION, suggestion="Correct the template's name or parameters."
            ) from None
        if "input" in body:
            raise ToolError(
                f"the template {value.template} gives its task an input, which a part of a task cannot have",
                category=Category.CONFIGURATION,
                suggestion="Let the template use {{parameters.NAME}} where it uses {{input}}.",
            )
        return Expand(body["plan"]["subtasks"], note={"template": value.template})

    def _filled(self, value: SubplanInput) -> dict[str, Json]:
        return fill(self._templates.require(value.template), value.parameters)


def _path(pointer: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
