"""``claude``: asks Claude something, for a text or for a value that follows a JSON Schema."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from engine.errors import Category, ToolError
from engine.language import LanguageModel, NoAnswer, Prompt
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth
from engine.tools.addresses import endpoint_of
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.health import model_health
from engine.tools.json_schema import SchemaFault, check_schema
from engine.tools.talk import Talk, Unfit, follows

MAX_TOKENS = 128_000
_WITHOUT_KEY = "there is no key for Claude"


class ClaudeInput(Input):
    """A question, and how it is to be answered."""

    prompt: str = Field(min_length=1)
    """What is asked."""
    system: str = ""
    """What holds for every question of this kind; it is cached."""
    model: str | None = Field(default=None, min_length=1, max_length=200)
    """Such as claude-opus-5-5; CLAUDE_MODEL unless given."""
    max_tokens: int = Field(default=8_000, ge=1, le=MAX_TOKENS)
    """Longest answer."""
    output_schema: dict[str, Json] | None = None
    """A JSON Schema; the answer is a value that follows it."""


class Claude(ModelTool[ClaudeInput]):
    """Asks Claude; its output is ``{"text"}``, or ``{"value"}`` with an ``output_schema``, with model and usage."""

    name = "claude"
    breaker = True
    idempotent = True
    risk: Risk = "read"
    untrusted = True
    model = ClaudeInput

    def __init__(self, model: LanguageModel | None) -> None:
        self._model = model

    def examine(self, value: ClaudeInput) -> None:
        """The prompt must say something, and the schema must be one."""
        if not value.prompt.strip():
            raise InputFault("should say something", "prompt")
        if value.output_schema is not None:
            try:
                check_schema(value.output_schema)
            except SchemaFault as fault:
                raise InputFault(str(fault), "output_schema", *fault.path) from None

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """Where Claude is."""
        return "" if self._model is None else endpoint_of(self._model.address)

    async def health_check(self) -> ToolHealth:
        """Whether there is a key; to ask Claude would cost."""
        return model_health(self._model)

    async def perform(self, value: ClaudeInput, context: RunContext) -> Json:  # noqa: ARG002
        """One question, and one more when the answer does not follow the schema."""
        if self._model is None:
            raise ToolError(
                _WITHOUT_KEY,
                category=Category.CONFIGURATION,
                suggestion="Set ANTHROPIC_API_KEY, start the engine again.",
            )
        talk = Talk(self._model)
        try:
            said = await talk.fitting(_prompt(value), _reader(value.output_schema))
        except Unfit as unfit:
            raise _unusable(unfit, value, talk) from None
        except NoAnswer as error:
            error.output = talk.record() if talk.request_ids else None
            raise
        return {"text" if value.output_schema is None else "value": said, **talk.record()}

    async def close(self) -> None:
        """Closes the model too: all tools that ask one share it."""
        if self._model is not None:
            await self._model.close()


def _prompt(value: ClaudeInput) -> Prompt:
    return Prompt(
        messages=[{"role": "user", "content": value.prompt}],
        system=value.system,
        schema=value.output_schema,
        model=value.model,
        max_tokens=value.max_tokens,
    )


def _reader(schema: dict[str, Json] | None) -> Callable[[str], Json]:
    """How an answer is read: as it is, or as a value that follows the schema."""
    return (lambda text: text) if schema is None else follows(schema)


def _unusable(unfit: Unfit, value: ClaudeInput, talk: Talk) -> ToolError:
    """The error of an answer that came and cannot be used; what was said and what it cost stays with it."""
    output = {"text": unfit.text, "case": unfit.case, **talk.record()}
    if unfit.case == "truncated":
        message = f"the answer was cut off after {talk.usage.output_tokens} tokens (max_tokens is {value.max_tokens})"
        return ToolError(message, suggestion="Raise max_tokens, or ask for less.", output=output)
    if unfit.case == "refused":
        refused = ToolError("Claude refuses to answer this", suggestion="Word the prompt differently.", output=output)
        refused.repeat = False
        return refused
    listed = "; ".join(unfit.faults[:3])
    message = f"the answer does not follow output_schema, nor did a second one: {listed}"
    return ToolError(message, suggestion="Simplify output_schema, or say more in the prompt.", output=output)
