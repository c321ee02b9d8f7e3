"""Claude Code by the agent SDK, for whoever lets it work: the only user of the SDK.

Needs the extra ``agent``. What it may do without a person is SDK_PERMISSION_MODE's to say; nobody is asked meanwhile.
The SDK hands its program the whole environment of this process, so whatever it does not need is blanked there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from engine.errors import Category, ToolError
from engine.model import Json
from engine.settings import Settings
from engine.toolport import RunContext, ToolHealth
from engine.tools.http_request import category_of
from engine.tools.process import INHERITED

INSTALL = "pip install 'agent03-core-engine[agent]'"
_MISSING = ToolHealth(False, "the Claude agent SDK is not installed", INSTALL)
_END_SECONDS = 10.0
"""In which a cancelled Claude Code has ended."""
_LIMITS = {"error_max_turns": "max_turns", "error_max_budget_usd": "max_budget_usd"}
"""Ends that a field of the input leads to."""
_UNFIT = "error_max_structured_output_retries"

Guard = Callable[[str, Mapping[str, Json]], str | None]
"""Why a tool of Claude Code may not be called, by its name and input; None where it may."""


class ClaudeSdk:
    """The way to Claude Code.

    Args:
        mode: its permission mode.
        path: of its program; "" for the one that comes with the SDK.
        keys: environment variables that it needs, such as its key.
    """

    def __init__(self, mode: str, path: str, keys: Mapping[str, str]) -> None:
        self._mode, self._path, self._keys = mode, path, keys

    @classmethod
    def from_settings(cls, settings: Settings) -> ClaudeSdk:
        """As the settings have it; nothing is started or looked for."""
        key, address = settings.anthropic_api_key.get_secret_value(), settings.anthropic_base_url
        keys = ({"ANTHROPIC_API_KEY": key} if key else {}) | ({"ANTHROPIC_BASE_URL": address} if address else {})
        return cls(settings.sdk_permission_mode, settings.claude_code_path, keys)

    def health(self) -> ToolHealth:
        """Whether the SDK and its program are there; to ask Claude would cost."""
        if importlib.util.find_spec("claude_agent_sdk") is None:
            return _MISSING
        if self._path and not os.access(self._path, os.X_OK):
            return ToolHealth(False, f"there is no program {self._path}", "Correct CLAUDE_CODE_PATH.")
        return ToolHealth()

    async def work(
        self, prompt: str, folder: str, context: RunContext, *, guard: Guard | None = None, **options: Any
    ) -> Any:
        """Has it work until it is done; cancelled, it is ended.

        Args:
            prompt: what it is told.
            folder: where it works.
            context: of the attempt; each of its messages is a sign of life.
            guard: looks at each call of its tools before it is made, whatever mode and rules allow.
            options: more of ``ClaudeAgentOptions``.

        Returns:
            The last ``ResultMessage``, None when there was none.

        Raises:
            ToolError: SDK or program are missing (configuration), or it ended before it had a result (transient).
        """
        health = self.health()
        if not health.ok:
            raise ToolError(health.detail, category=Category.CONFIGURATION, suggestion=health.suggestion)
        given = self._options(folder, guard, options)
        working = asyncio.ensure_future(_talk(prompt, given, context))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:  # the SDK may keep it to itself
            working.cancel()
            await asyncio.wait([working], timeout=_END_SECONDS)
            raise

    def _options(self, folder: str, guard: Guard | None, options: Mapping[str, Any]) -> Any:
        sdk = _library()
        hooks = None if guard is None else {"PreToolUse": [sdk.HookMatcher(hooks=[_hook(guard)], on_failure="block")]}
        return sdk.ClaudeAgentOptions(
            cwd=folder,
            cli_path=self._path or None,
            env=environment(os.environ, self._keys),
            permission_mode=self._mode,
            setting_sources=[],
            strict_mcp_config=True,
            hooks=hooks,
            **options,
        )


def _library() -> Any:
    """The SDK; without types, for it need not be there."""
    import claude_agent_sdk

    return claude_agent_sdk


async def _talk(prompt: str, options: Any, context: RunContext) -> Any:
    """The last result that it told; None when there was none."""
    sdk = _library()
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


def _hook(guard: Guard) -> Any:
    """The guard in the words of the SDK."""

    async def look(given: Any, _id: str | None, _context: Any) -> dict[str, Any]:
        why = guard(str(given.get("tool_name", "")), given.get("tool_input") or {})
        if why is None:
            return {}
        denied = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": why}
        return {"hookSpecificOutput": denied}

    return look


def environment(given: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """What stands over the environment of this process: its passwords and keys are blanked, but for ``keys``."""
    return {name: "" for name in given if name not in INHERITED} | dict(keys)


def spent(result: Any) -> dict[str, Json]:
    """What a result took, and which tools it was refused: ``{"turns", "cost_usd", "session_id", "denied"}``."""
    denied = [one.get("tool_name", "") for one in result.permission_denials or [] if isinstance(one, dict)]
    return {
        "turns": result.num_turns,
        "cost_usd": result.total_cost_usd,
        "session_id": result.session_id,
        "denied": list[Json](dict.fromkeys(denied)),
    }


def completed(result: Any, raising: Callable[[str], str] = lambda field: f"Raise {field}, or ask for less.") -> Any:
    """A result that is none of a failure.

    Args:
        result: of ``ClaudeSdk.work``.
        raising: what to do where it came to the end of max_turns or max_budget_usd.

    Raises:
        ToolError: there was none, or it says that it failed; its output has what it took.
    """
    if result is None:
        raise ToolError("Claude Code ended without a result", category=Category.TRANSIENT)
    if not result.is_error and result.subtype == "success":
        return result
    output: dict[str, Json] = {"text": result.result or "", **spent(result)}
    if field := _LIMITS.get(result.subtype):
        text = f"Claude Code came to the end of {field}"
        raise ToolError(text, category=Category.RESOURCE, suggestion=raising(field), output=output)
    if result.subtype == _UNFIT:
        hint = "Simplify the schema of the output, or say more about it."
        raise ToolError("Claude Code gave no value that follows the schema", suggestion=hint, output=output)
    said = result.result or "; ".join(result.errors or []) or result.subtype
    status = 401 if "not logged in" in said.lower() else result.api_error_status
    category = Category.LOGIC if status is None else category_of(status)
    hint = "Set ANTHROPIC_API_KEY, start the engine again." if category is Category.PERMISSION else ""
    raise ToolError(f"Claude Code: {said[:500]}", category=category, suggestion=hint, output=output)
