"""``generation``: text from a template, or from a language model."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.errors import Category, ToolError
from engine.language import LanguageModel, Prompt
from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.addresses import endpoint_of
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.rows.formats import json
from engine.tools.rows.opening import unwrapped
from engine.tools.rows.templates import MAX_OUTPUT, TemplateFault, check_template, fill
from engine.tools.threads import in_thread

_MAX_TEXTS = 10_000


class GenerationInput(Input):
    """What to write about, and how."""

    data: Json = None
    """What the template or the prompt is about: an object, rows, or a text."""
    template: str | None = Field(default=None, max_length=100_000)
    """Jinja: {{ name }} of an object or of each row, {{ data }}, {{ rows }}; never resolved as a reference."""
    prompt: str | None = Field(default=None, min_length=1)
    """What a language model is to write; data is given to it as well."""
    system: str | None = None
    """What the language model is to be."""
    each: bool = False
    """One text for each row."""


class Generation(ModelTool[GenerationInput]):
    """Its output is ``{"text"}``; with ``each`` ``{"texts", "text"}``, of which the second is all of them."""

    name = "generation"
    idempotent = True
    risk: Risk = "read"
    untrusted = True
    literal = frozenset({"template"})
    model = GenerationInput

    def __init__(self, grace: float, language: LanguageModel | None) -> None:
        self._grace, self._language = grace, language

    def examine(self, value: GenerationInput) -> None:
        """Exactly one of template and prompt."""
        if (value.template is None) == (value.prompt is None):
            raise InputFault("should have exactly one of template and prompt")
        if value.template is not None:
            try:
                check_template(value.template)
            except TemplateFault as fault:
                raise InputFault(str(fault), "template") from None

    def cacheable(self, value: Json) -> bool:
        """Only what a template gives."""
        return isinstance(value, dict) and value.get("prompt") is None

    def taints(self, value: Json) -> bool:
        """What the model says."""
        return not isinstance(value, dict) or value.get("prompt") is not None

    def endpoint(self, value: Json) -> str:
        """Where the model is, if it is asked."""
        return endpoint_of(self._language.address) if self._language is not None and self.taints(value) else ""

    async def perform(self, value: GenerationInput, context: RunContext) -> Json:
        """Fills in the template in a thread, or asks the model."""
        data = unwrapped(value.data)
        items = _items(data) if value.each else [data]
        if value.template is not None:
            template = value.template
            texts = await in_thread(lambda: _filled(template, items, value.each), grace=self._grace, interrupt=True)
        else:
            texts = [await self._asked(value, item, context) for item in items]
        return {"texts": texts, "text": "\n".join(texts)} if value.each else {"text": texts[0]}

    async def _asked(self, value: GenerationInput, data: Json, context: RunContext) -> str:
        if self._language is None:
            raise ToolError(
                "there is no language model to ask: ANTHROPIC_API_KEY is missing",
                category=Category.CONFIGURATION,
                suggestion="Set ANTHROPIC_API_KEY, or use a template.",
            )
        about = "" if data is None else f"\n\n<data>\n{data if isinstance(data, str) else json.write(data)}</data>"
        question = Prompt([{"role": "user", "content": f"{value.prompt}{about}"}], system=value.system or "")
        answer = await self._language.ask(question)
        context.progress()
        if answer.stop != "end_turn":
            raise ToolError(
                f"the model's answer is not whole ({answer.stop})",
                category=Category.LOGIC,
                suggestion="Ask for less, or in other words.",
                output={"text": answer.text},
            )
        return answer.text


def _items(data: Json) -> list[Json]:
    if not isinstance(data, list):
        raise ToolError(
            "each needs a list in data", category=Category.CONFIGURATION, suggestion="Give rows, or leave out each."
        )
    if len(data) > _MAX_TEXTS:
        raise ToolError(
            f"each gives a text for every row, and there are more than {_MAX_TEXTS}",
            category=Category.RESOURCE,
            suggestion="Write one text with a loop, or work on parts of the rows.",
        )
    return data


def _filled(template: str, items: list[Json], each: bool) -> list[str]:
    texts: list[str] = []
    length = 0
    for number, item in enumerate(items, 1):
        try:
            texts.append(fill(template, _variables(item, number)))
        except TemplateFault as fault:
            place = f"row {number}: " if each else ""
            raise ToolError(
                f"template: {place}{fault}", suggestion="Correct the template, or give what it names in data."
            ) from None
        length += len(texts[-1])
        if length > MAX_OUTPUT:
            raise ToolError(f"the texts have more than {MAX_OUTPUT} characters", category=Category.RESOURCE)
    return texts


def _variables(item: Json, number: int) -> dict[str, Any]:
    """The fields of an object by their names, and all of it as data; rows too."""
    fields = dict(item) if isinstance(item, dict) else {}
    return {"data": item, "rows": item, "row": item, "index": number} | fields
