"""What an agent hands back: its answer, what it called, what it wrote, and what that has cost. JSON both ways."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from engine.language import Usage, Wire
from engine.model import Json

TokenUsage: TypeAlias = Usage
"""What the answers of all turns have cost together."""


class ToolCall(Wire, frozen=True):
    """One tool call of an agent, in the turn that asked for it (from 1).

    ``case`` is "" when it went well, else a word: "refused", "missing", "input", "timeout", "bad JSON", "exit code",
    "failed", "interrupted". ``text`` is what the model was told, ``seconds`` how long it took.
    """

    id: str
    turn: int
    name: str
    input: Json
    text: str = ""
    case: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return not self.case


class ArtifactRef(Wire, frozen=True):
    """A file that an agent has written: its path below FILE_ROOTS, its bytes, and their SHA-256."""

    path: str
    bytes: int
    sha256: str


class Delegated(Wire, frozen=True):
    """Work that an agent has given to another role; ``after`` are keys of others of the same agent."""

    key: str
    role: str
    prompt: str
    after: list[str] = msgspec.field(default_factory=list)


class AgentResult(Wire, frozen=True):
    """The output of a subtask of type ``agent``.

    ``text`` is the answer; ``value`` is it as a value where there was an ``output_schema``. ``turns`` counts what the
    model has answered, also in earlier attempts, and so do ``usage`` and ``tool_calls``.
    """

    role: str
    text: str
    model: str
    turns: int
    usage: TokenUsage
    value: Json = None
    tool_calls: list[ToolCall] = msgspec.field(default_factory=list)
    artifacts: list[ArtifactRef] = msgspec.field(default_factory=list)
    missing: list[str] = msgspec.field(default_factory=list)
    """Files of the context that were not there, each with the reason."""
    delegated: list[Delegated] = msgspec.field(default_factory=list)
    """What was given to other roles; their subtasks run once this one has ended."""
