"""The one tree of errors. A docstring is the default message; every message says what to do next.

Two families: errors of the *engine* (``EngineError``: a caller or an operator is told) and errors of a *tool*
(``ToolError``: a subtask's attempt ends with one, and its category decides what happens next).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Category(StrEnum):
    """Why an attempt failed. The category decides about retries (see ``docs/why.md``)."""

    TRANSIENT = "transient"
    CONFIGURATION = "configuration"
    PERMISSION = "permission"
    RESOURCE = "resource"
    LOGIC = "logic"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what a caller sent.

    ``pointer`` is an RFC 6901 JSON pointer into the body ("/plan/subtasks/3/priority"), ``detail`` says what is
    wrong and what would be right.
    """

    pointer: str
    detail: str


class EngineError(Exception):
    """Something went wrong in the engine."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class InvalidInput(EngineError):
    """The input has faults; nothing was stored. Mend each fault and send it again."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        listed = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults[:5])
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        super().__init__(f"the input has {len(faults)} fault(s): {listed}{more}")


class TooLarge(EngineError):
    """The input is larger than the configured limit. Split it or raise the limit in the settings."""


class NotFound(EngineError):
    """Nothing has that id. List what there is, or check the id and the namespace."""

    @classmethod
    def task(cls, task_id: str) -> NotFound:
        """There is no task with that id, or none for whoever asks."""
        return cls(f"no task has the id {task_id!r}: GET /tasks lists the tasks of this namespace")


class AlreadyStored(EngineError):
    """Something with that id or key already exists in the graph. Nothing was written; look at what there is."""


class Conflict(EngineError):
    """The state machine does not allow that move. Look at the current state first.

    ``state`` is the current one, ``legal`` what a person may do from there instead; both empty where they do not apply.
    """

    def __init__(self, message: str | None = None, *, state: str = "", legal: Sequence[str] = ()) -> None:
        self.state = state
        self.legal = list(legal)
        super().__init__(message)


class Moved(EngineError):
    """Another engine has just taken the task: ask that one."""


class Forbidden(EngineError):
    """That is for somebody else to do. Ask whoever may."""


class KeyReused(Conflict):
    """That idempotency key came with another body before. Send the same body, or take a new key."""


class Busy(EngineError):
    """The engine has as much queued as it may hold. Send it again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class NotYet(EngineError):
    """That cannot be answered at this moment. Ask again in a few seconds."""


class TooCostly(EngineError):
    """The query takes more time or memory than it may. Narrow it: a LIMIT, a label, a property that is indexed."""


class GraphUnavailable(EngineError):
    """The graph database does not answer. Start it, or correct NEO4J_URL."""


class GraphLocked(GraphUnavailable):
    """Another process holds the embedded graph. Use ``agent03 submit``, or stop that process."""


class NoRoom(EngineError):
    """The disk is full. Make room on it; the engine then goes on by itself."""


class BlobDamaged(EngineError):
    """A stored payload does not match its hash. Restore it from a backup, or run its task again."""


class BlobsUnavailable(EngineError):
    """The blob store cannot be used. Make room or correct BLOB_PATH."""


class BlobsAway(BlobsUnavailable):
    """The blob store does not answer at this moment. Start it, or correct BLOB_PATH; what waits for it goes on then."""


class GraphExhausted(EngineError):
    """The graph database may not take the memory that one transaction needs. Give it more, then start again."""


class GraphRefused(EngineError):
    """The graph database refused the login or the schema. Correct NEO4J_AUTH."""


class Fenced(EngineError):
    """Another engine has taken over with a newer epoch; this one must not write any more. Restart it."""


class SettingsError(EngineError):
    """A setting has a wrong value."""


class ToolError(Exception):
    """A tool failed. ``category`` decides about retries, ``suggestion`` says what a person can do.

    Raise it, or one of the two below, from your own tools.

    Args:
        message: what happened, without secrets.
        category: one of ``Category``.
        suggestion: what to do about it; empty when there is nothing useful to say.
        output: what the tool produced before it failed (kept as the partial result), any JSON value.
        delay: seconds to wait before a repeat; None leaves it to the back-off.
        crashed: the process that did the work died of something else than its limits.
    """

    category = Category.LOGIC
    repeat: bool | None = None
    """Whether to repeat it, whatever its category says; None leaves it to the category."""

    def __init__(
        self,
        message: str,
        *,
        category: Category | None = None,
        suggestion: str = "",
        output: object = None,
        delay: float | None = None,
        crashed: bool = False,
    ) -> None:
        super().__init__(message)
        self.crashed = crashed
        if category is not None:
            self.category = category
        self.suggestion = suggestion
        self.output = output
        self.delay = delay


class Retryable(ToolError):
    """It may work later; the same call is repeated, after ``delay`` seconds when given."""

    category = Category.TRANSIENT
    repeat = True


class Fatal(ToolError):
    """It will not work however often it is repeated."""

    category = Category.CONFIGURATION
    repeat = False


class AgentExecutionError(ToolError):
    """An agent did not reach its end: it was refused, cut off, stopped at a cap, or its answer does not fit."""


class ToolExecutionError(ToolError):
    """A tool call of an agent failed. ``case`` is a word for the record: "missing", "refused", "timeout", "bad JSON",
    "exit code" or "failed".
    """

    def __init__(self, case: str, message: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.case = case


class ContextLoadError(ToolError):
    """The context of an agent cannot be loaded: it is malformed, too large, or a file that it needs is missing."""

    category = Category.CONFIGURATION


class RateLimitError(ToolError):
    """A service wants to be left alone for a while; ``delay`` is how long, in seconds, where it says so."""

    category = Category.TRANSIENT


class ExecutionTimeoutError(ToolError):
    """Something took longer than it may."""

    category = Category.TIMEOUT


class TaskFailed(EngineError):
    """The task ended failed; ``report`` holds what is known about it."""

    def __init__(self, task_id: str, message: str, report: dict[str, object]) -> None:
        self.task_id = task_id
        self.report = report
        super().__init__(f"task {task_id} failed: {message}")
