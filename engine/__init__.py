"""Decides: the plan, the scheduler, the tools, the errors. Knows no graph database, no web, no environment.

The names below are what a program that uses the engine needs. Each is imported when it is asked for, so that importing
a part of this package loads that part alone: a module with ``@tool`` functions does not load the scheduler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.caching.service import CacheService
    from engine.errors import (
        AgentExecutionError,
        Busy,
        Category,
        Conflict,
        ContextLoadError,
        EngineError,
        ExecutionTimeoutError,
        Fatal,
        Fault,
        Fenced,
        GraphLocked,
        GraphRefused,
        GraphUnavailable,
        InvalidInput,
        KeyReused,
        NotFound,
        RateLimitError,
        Retryable,
        SettingsError,
        TaskFailed,
        TooLarge,
        ToolError,
        ToolExecutionError,
    )
    from engine.execution import ExecutionEngine
    from engine.model import Expand
    from engine.planning.complexity import TaskComplexity
    from engine.planning.decomposer import TaskDecomposer
    from engine.planning.subtasks import SubTask
    from engine.service import Engine
    from engine.settings import Settings
    from engine.states import SubtaskStatus, TaskStatus
    from engine.toolport import RunContext
    from engine.tools.decorator import tool

__all__ = [
    "AgentExecutionError",
    "Busy",
    "CacheService",
    "Category",
    "Conflict",
    "ContextLoadError",
    "Engine",
    "EngineError",
    "ExecutionEngine",
    "ExecutionTimeoutError",
    "Expand",
    "Fatal",
    "Fault",
    "Fenced",
    "GraphLocked",
    "GraphRefused",
    "GraphUnavailable",
    "InvalidInput",
    "KeyReused",
    "NotFound",
    "RateLimitError",
    "Retryable",
    "RunContext",
    "Settings",
    "SettingsError",
    "SubTask",
    "SubtaskStatus",
    "TaskComplexity",
    "TaskDecomposer",
    "TaskFailed",
    "TaskStatus",
    "TooLarge",
    "ToolError",
    "ToolExecutionError",
    "tool",
]

_ELSEWHERE = {
    "CacheService": "engine.caching.service",
    "Engine": "engine.service",
    "ExecutionEngine": "engine.execution",
    "Expand": "engine.model",
    "RunContext": "engine.toolport",
    "Settings": "engine.settings",
    "SubTask": "engine.planning.subtasks",
    "SubtaskStatus": "engine.states",
    "TaskComplexity": "engine.planning.complexity",
    "TaskDecomposer": "engine.planning.decomposer",
    "TaskStatus": "engine.states",
    "tool": "engine.tools.decorator",
}
"""Where the names are that are no errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "engine.errors")), name)
