"""``claude_code``: lets Claude Code work in a folder below the roots."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth, ToolLimits
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.claude_sdk import ClaudeSdk, completed, spent
from engine.tools.roots import Roots


class ClaudeCodeInput(Input):
    """What is to be done where."""

    prompt: str = Field(min_length=1, max_length=200_000)
    """What Claude is to do."""
    cwd: str = "."
    """Folder to work in, below one of FILE_ROOTS."""
    system: str = Field(default="", max_length=100_000)
    """What is added to Claude Code's own instructions."""
    model: str | None = Field(default=None, min_length=1, max_length=200)
    """Such as claude-sonnet-5-5; its own choice unless given."""
    allowed_tools: list[str] = Field(default=["Read", "Glob", "Grep", "Edit", "Write"], max_length=100)
    """Its tools that it may use unasked, such as Bash(git status); others are refused."""
    max_turns: int = Field(default=30, ge=1, le=1_000)
    """Most rounds with the model."""
    max_budget_usd: float | None = Field(default=None, gt=0, le=10_000)
    """What it may cost, US dollars."""


class ClaudeCodeOutput(TypedDict):
    """What came of it; ``denied`` names tools that it was refused."""

    text: str
    turns: int
    cost_usd: float | None
    session_id: str
    denied: list[str]


class ClaudeCode(ModelTool[ClaudeCodeInput]):
    """Lets Claude Code work; its output is ``{"text", "turns", "cost_usd", "session_id", "denied"}``.

    Args:
        roots: the folders of FILE_ROOTS.
        sdk: the way to it.
    """

    name = "claude_code"
    risk: Risk = "dangerous"
    untrusted = True
    refuses_tainted = True
    limits = ToolLimits(parallel=2, attempt_seconds=3600)
    model = ClaudeCodeInput
    output = ClaudeCodeOutput

    def __init__(self, roots: Roots, sdk: ClaudeSdk) -> None:
        self._roots, self._sdk = roots, sdk

    def examine(self, value: ClaudeCodeInput) -> None:
        """Refuses a folder that surely lies outside the roots."""
        if not value.prompt.strip():
            raise InputFault("should say something", "prompt")
        if fault := self._roots.fault(value.cwd):
            raise InputFault(fault, "cwd")

    async def health_check(self) -> ToolHealth:
        """Whether the SDK and its program are there; to ask Claude would cost."""
        return self._sdk.health()

    async def perform(self, value: ClaudeCodeInput, context: RunContext) -> Json:
        """Has it work until it is done."""
        _, folder = self._roots.resolve(value.cwd)
        if not folder.is_dir():
            hint = "Make the folder first, for example with write_file, or correct cwd."
            raise ToolError(f"cwd {value.cwd!r} is no folder", category=Category.CONFIGURATION, suggestion=hint)
        prompt: dict[str, Any] = {"type": "preset", "preset": "claude_code"}
        result = completed(
            await self._sdk.work(
                value.prompt,
                str(folder),
                context,
                allowed_tools=value.allowed_tools,
                max_turns=value.max_turns,
                max_budget_usd=value.max_budget_usd,
                model=value.model,
                system_prompt=prompt | ({"append": value.system} if value.system else {}),
            )
        )
        return {"text": result.result or "", **spent(result)}
