"""What the engine asks a language model, and what comes back: values and one port. ``engine/adapters/claude.py`` is it.

An answer is never an exception when the model has answered: truncated and refused answers cost money too, so they come
back with their usage and the caller decides. Whatever kept the model from answering is a ``ToolError`` of its category.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

import msgspec

from engine.errors import Category, ToolError
from engine.model import Json, Value

Message = Mapping[str, Json]
"""One message of a talk."""


class Wire(Value, frozen=True):
    """What is a JSON value on its way between processes."""

    def to_json(self) -> Json:
        """As a JSON value."""
        found: Json = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """What ``to_json`` gave; raises ``msgspec.ValidationError``."""
        return msgspec.convert(value, cls)


class Offered(Value, frozen=True):
    """A tool that an answer may ask for: ``schema`` is the JSON Schema of its input, an object."""

    name: str
    description: str
    schema: dict[str, Json]


class Prompt(Value, frozen=True):
    """One question without memory.

    ``system`` is the part that stays the same from question to question and is worth caching; ``messages`` are
    ``{"role": "user" | "assistant", "content": text or blocks}``, the first from the user. ``schema`` is a JSON Schema
    that the answer should follow; the model's side cannot enforce bounds, so the caller validates. ``model`` None takes
    the default of the adapter. Where there are ``tools`` the answer may ask for calls of them, and what has been said
    so far is worth caching too.
    """

    messages: list[Message]
    system: str = ""
    schema: dict[str, Json] | None = None
    model: str | None = None
    max_tokens: int = 8_000
    tools: list[Offered] = msgspec.field(default_factory=list)


class Usage(Wire, frozen=True):
    """What answers have cost. ``cost`` is US dollars, None where the settings have no price for the model."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost: float | None = None

    @property
    def tokens(self) -> int:
        """All tokens of answers and their questions."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens

    def plus(self, other: Usage) -> Usage:
        """Both together; the cost is unknown when one of them is."""
        known = self.cost is not None and other.cost is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            (self.cost or 0.0) + (other.cost or 0.0) if known else None,
        )


class Answer(Value, frozen=True):
    """What a model said. ``stop`` is its stop reason: "end_turn", "tool_use", "max_tokens", "refusal" and the like.

    ``blocks`` is all of it as the model's side wrote it, to be sent back as it is; empty where no tools were offered.
    """

    text: str
    stop: str
    model: str
    usage: Usage
    request_id: str = ""
    blocks: list[dict[str, Json]] = msgspec.field(default_factory=list)


class NoAnswer(ToolError):
    """The model did not answer. ``case`` is a short word for the record, such as "rate limit" or "wrong key"."""

    def __init__(
        self,
        case: str,
        message: str,
        category: Category,
        suggestion: str = "",
        *,
        delay: float | None = None,
        repeat: bool | None = None,
        output: Json = None,
    ) -> None:
        super().__init__(message, category=category, suggestion=suggestion, delay=delay, output=output)
        self.case = case
        self.repeat = repeat


class LanguageModel(Protocol):
    """A model behind a network."""

    address: str
    """Where it is asked, as a URL without a user name."""

    async def ask(self, prompt: Prompt) -> Answer:
        """Asks once, without repeating: the engine's own retries decide, so that every attempt is in the graph.

        Raises:
            NoAnswer: transient (overloaded, rate limit with its ``delay``, unreachable), timeout, or configuration
                (wrong key, no credit, unknown model); its message tells the cases apart.
        """

    async def close(self) -> None:
        """Lets go of its connections."""
