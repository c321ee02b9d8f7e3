"""``claude_code``: lets Claude Code work in a folder below the roots, by the agent SDK. The only user of it.

Needs the extra ``agent``. What it may do without a person is SDK_PERMISSION_MODE's to say; nobody is asked meanwhile.
The SDK hands its program the whole environment of the engine, so whatever it does not need is blanked there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth, ToolLimits
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.http_request import category_of
from engine.tools.process import INHERITED
from engine.tools.roots import Roots

_MISSING = ToolHealth(False, "the Claude agent SDK is not installed", "pip install 'agent03-core-engine[agent]'")
_END_SECONDS = 10.0
"""In which a cancelled Claude Code has ended."""
_LIMITS = {"error_max_turns": "max_turns", "error_max_budget_usd": "max_budget_usd"}
"""Ends that a field of the input leads to."""


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
        mode: its permission mode.
        path: of its program; "" for the one that comes with the SDK.
        keys: environment variables that it needs, such as its key.
    """

    name = "claude_code"
    risk: Risk = "dangerous"
    untrusted = True
    refuses_tainted = True
    limits = ToolLimits(parallel=2, attempt_seconds=3600)
    model = ClaudeCodeInput
    output = ClaudeCodeOutput

    def __init__(self, roots: Roots, mode: str, path: str, keys: Mapping[str, str]) -> None:
        self._roots, self._mode, self._path, self._keys = roots, mode, path, keys

    def examine(self, value: ClaudeCodeInput) -> None:
        """Refuses a folder that surely lies outside the roots."""
        if not value.prompt.strip():
            raise InputFault("should say something", "prompt")
        if fault := self._roots.fault(value.cwd):
            raise InputFault(fault, "cwd")

    async def health_check(self) -> ToolHealth:
        """Whether the SDK and its program are there; to ask Claude would cost."""
        if importlib.util.find_spec("claude_agent_sdk") is None:
            return _MISSING
        if self._path and not os.access(self._path, os.X_OK):
            return ToolHealth(False, f"there is no program {self._path}", "Correct CLAUDE_CODE_PATH.")
        return ToolHealth()

    async def perform(self, value: ClaudeCodeInput, context: RunContext) -> Json:
        """Has it work until it is done."""
        health = await self.health_check()
        if not health.ok:
            raise ToolError(health.detail, category=Category.CONFIGURATION, suggestion=health.suggestion)
        _, folder = self._roots.resolve(value.cwd)
        if not folder.is_dir():
            hint = "Make the folder first, for example with write_file, or correct cwd."
            raise ToolError(f"cwd {value.cwd!r} is no folder", category=Category.CONFIGURATION, suggestion=hint)
        working = asyncio.ensure_future(self._work(value.prompt, self._options(value, str(folder)), context))
        try:
            return _output(await asyncio.shield(working))
        except asyncio.CancelledError:  # the SDK may keep it to itself
            working.cancel()
            await asyncio.wait([working], timeout=_END_SECONDS)
            raise

    async def _work(self, prompt: str, options: Any, context: RunContext) -> Any:
        """The last result that it told; None when there was none."""
        import claude_agent_sdk as sdk

        result: Any = None
        try:
            async with aclosing(sdk.query(prompt=prompt, options=options)) as messages:
                async for message in messages:
                    context.progress()
                    if isinstance(message, sdk.ResultMessage):
                        result = message
        except sdk.CLINotFoundError as error:
            hint = "Correct CLAUDE_CODE_PATH, or install the SDK again."
            raise ToolError(str(error), category=Category.CONFIGURATION, suggestion=hint) from None
        except sdk.ClaudeSDKError as error:
            if result is None:
                raise ToolError(f"Claude Code: {str(error)[:500]}", category=Category.TRANSIENT) from None
        return result

    def _options(self, value: ClaudeCodeInput, folder: str) -> Any:
        import claude_agent_sdk as sdk

        prompt: dict[str, Any] = {"type": "preset", "preset": "claude_code"}
        return sdk.ClaudeAgentOptions(
            cwd=folder,
            cli_path=self._path or None,
            env=environment(os.environ, self._keys),
            permission_mode=self._mode,
            allowed_tools=value.allowed_tools,
            max_turns=value.max_turns,
            max_budget_usd=value.max_budget_usd,
            model=value.model,
            system_prompt=prompt | ({"append": value.system} if value.system else {}),
            setting_sources=[],
            strict_mcp_config=True,
        )


def environment(given: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """What stands over the environment of the engine: its passwords and keys are blanked, but for ``keys``."""
    return {name: "" for name in given if name not in INHERITED} | dict(keys)


def _output(result: Any) -> Json:
    """What a result says; raises ``ToolError`` where that is a failure."""
    if result is None:
        raise ToolError("Claude Code ended without a result", category=Category.TRANSIENT)
    denied = [one.get("tool_name", "") for one in result.permission_denials or [] if isinstance(one, dict)]
    output: ClaudeCodeOutput = {
        "text": result.result or "",
        "turns": result.num_turns,
        "cost_usd": result.total_cost_usd,
        "session_id": result.session_id,
        "denied": list(dict.fromkeys(denied)),
    }
    if not result.is_error and result.subtype == "success":
        return dict(output)
    if field := _LIMITS.get(result.subtype):
        text, hint = f"Claude Code came to the end of {field}", f"Raise {field}, or ask for less."
        raise ToolError(text, category=Category.RESOURCE, suggestion=hint, output=dict(output))
    said = result.result or "; ".join(result.errors or []) or result.subtype
    status = 401 if "not logged in" in said.lower() else result.api_error_status
    category = Category.LOGIC if status is None else category_of(status)
    hint = "Set ANTHROPIC_API_KEY, start the engine again." if category is Category.PERMISSION else ""
    raise ToolError(f"Claude Code: {said[:500]}", category=category, suggestion=hint, output=dict(output))
