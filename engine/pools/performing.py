"""The far side of a call: finds the tool, runs it under the limits of the call, and says what came of it.

Run in a worker process of the pool, and in a worker of Ray. It imports what a call needs when the first one needs it.
"""

from __future__ import annotations

import importlib
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import Category, EngineError, SettingsError, ToolError
from engine.model import Expand, Json
from engine.pools.calls import Call, End, Line, Rest, Sign, Told, Wrong, wrong_of
from engine.pools.portable import BUILT_IN
from engine.settings import Settings
from engine.toolport import Tool, as_meant
from engine.tools.decorator import mark_of

MIB = 1024 * 1024
SIGN_SECONDS = 0.1
"""Signs of life closer together than this are one."""
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class Performer:
    """The tools of one process, each loaded once.

    Args:
        settings: what the engine lets other processes know: limits, folders.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tools: dict[str, Tool] = {}

    def load(self, name: str, origin: str) -> Tool:
        """The tool of a type; raises ``SettingsError`` where it is not found here, with words that say why."""
        found = self._tools.get(origin)
        if found is None:
            module, _, path = origin.partition(":")
            found = self._built_in[path] if module == BUILT_IN else self._function(name, module, path)
            self._tools[origin] = found
        return found

    @cached_property
    def _built_in(self) -> dict[str, Tool]:
        from engine.tools.registry import builtin_tools

        return {tool.name: tool for tool in builtin_tools(self._settings)}

    def _function(self, name: str, module: str, path: str) -> Tool:
        from engine.tools.signature import tool_of

        try:
            found: Any = importlib.import_module(module)
        except Exception as error:  # importing runs the module's own code, which may raise anything
            raise SettingsError(f"{module} cannot be imported there: {type(error).__name__}: {error}") from error
        for part in path.split("."):
            found = getattr(found, part, None)
        mark = mark_of(found)
        if mark is None or mark.name != name:
            raise SettingsError(f"{module} has no {path} marked with @tool({name!r}) there")
        return tool_of(found, mark, self._settings.cancel_grace_seconds)

    async def perform(self, call: Call, tell: Callable[[Told], None]) -> End:
        """What came of a call; never raises. ``tell`` is told of what happens on the way."""
        used = _Used()
        with _Limited(call):
            end = await self._ended(call, _Context(call, tell, used))
        end = msgspec.structs.replace(end, memory_bytes=used.memory(), cpu_seconds=used.seconds())
        return _bounded(call, end)

    async def _ended(self, call: Call, context: _Context) -> End:
        try:
            output = await self._run(call, context)
            return End(expand=output) if isinstance(output, Expand) else End(output)
        except ToolError as error:
            short = isinstance(error.__cause__, MemoryError)
            return End(error=_short_of_memory(call) if short else wrong_of(error))
        except SettingsError as error:
            suggestion = "Let the other process find the module: the same code and packages, or PYTHONPATH."
            return End(error=Wrong(str(error), Category.CONFIGURATION.value, suggestion))
        except EngineError as error:
            return End(error=Wrong(str(error), Category.CONFIGURATION.value))
        except MemoryError:
            return End(error=_short_of_memory(call))
        except Exception as error:
            return End(error=Wrong(f"{type(error).__name__}: {error}", Category.LOGIC.value))

    async def _run(self, call: Call, context: _Context) -> Json:
        tool = self.load(call.tool, call.origin)
        with as_meant(tool):
            return await tool.run(call.input, context)


class _Context:
    """What a tool may use there; see ``engine.toolport.RunContext``."""

    def __init__(self, call: Call, tell: Callable[[Told], None], used: _Used) -> None:
        self.task_id, self.subtask_id, self.key, self.token = call.task_id, call.subtask_id, call.key, call.token
        self.approved, self.reduction = call.approved, call.reduction
        self.deadline = time.monotonic() + call.seconds
        self._tell, self._used = tell, used
        self._said = 0.0

    def log(self, level: str, message: str, **fields: Json) -> None:
        """Sends a log line."""
        self._tell(Line(level, message, fields))

    def covered(self, text: str, /) -> str:  # noqa: ARG002
        """The secrets are known to the engine alone."""
        raise ToolError(
            "only the engine knows the secrets, so nothing can be covered in another process",
            category=Category.CONFIGURATION,
            suggestion="Let this type run with the engine: TYPE_EXECUTORS=type:asyncio.",
        )

    def progress(self) -> None:
        """Sends a sign of life, unless one was sent a moment ago."""
        now = time.monotonic()
        if now - self._said >= SIGN_SECONDS:
            self._said = now
            self._tell(Sign())

    def measured(self, memory_bytes: int, cpu_seconds: float, /) -> None:
        """A process of the tool has ended."""
        self._used.add(memory_bytes, cpu_seconds)

    def limited(self, seconds: float, /) -> None:
        """Passes it on."""
        self._tell(Rest(seconds))


class _Limited:
    """Holds this process to the limits of one call. The soft limits only: they are lifted again behind it."""

    def __init__(self, call: Call) -> None:
        self._wanted: list[tuple[int, int]] = []
        if call.memory_mb is not None:
            self._wanted.append((resource.RLIMIT_DATA, call.memory_mb * MIB))
        if call.cpu_seconds is not None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            whole = int(-(-(used.ru_utime + used.ru_stime + call.cpu_seconds) // 1))
            self._wanted.append((resource.RLIMIT_CPU, max(1, whole)))
        self._before: list[tuple[int, tuple[int, int]]] = []

    def __enter__(self) -> None:
        for which, soft in self._wanted:
            before = resource.getrlimit(which)
            hard = before[1]
            self._before.append((which, before))
            resource.setrlimit(which, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))

    def __exit__(self, *_: object) -> None:
        for which, before in self._before:
            resource.setrlimit(which, before)


class _Used:
    """What one call takes: processor time, and the most memory, of this process and of those that it started."""

    def __init__(self) -> None:
        self._begun = _cpu()
        self._memory, self._seconds = 0, 0.0
        with suppress(OSError):
            _CLEAR.write_text("5")  # the high-water mark begins anew

    def add(self, memory_bytes: int, cpu_seconds: float) -> None:
        """What a process of the tool has taken; its processor time is counted with that of all children."""
        self._memory = max(self._memory, memory_bytes)
        self._seconds = max(self._seconds, cpu_seconds)

    def seconds(self) -> float:
        """Processor time since it began."""
        return max(_cpu() - self._begun, self._seconds)

    def memory(self) -> int:
        """The most that this process held since then, or one of the tool's; 0 where the system does not say."""
        with suppress(OSError, ValueError, StopIteration):
            line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
            return max(self._memory, int(line.split()[1]) * 1024)
        return self._memory


def _cpu() -> float:
    found = [resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in found)


def _short_of_memory(call: Call) -> Wrong:
    limit = f" (now {call.memory_mb})" if call.memory_mb else ""
    suggestion = f"Raise resources.memory_mb of the tool{limit}, or give it less data."
    return Wrong(f"{call.tool} ran out of memory", Category.RESOURCE.value, suggestion)


def _bounded(call: Call, end: End) -> End:
    """The same, unless its output is larger than it may be, or no JSON."""
    try:
        size = len(msgspec.json.encode(end.value if end.expand is None else end.expand))
    except (TypeError, ValueError, RecursionError) as error:
        wrong = Wrong(f"the output is not JSON: {error}", Category.LOGIC.value, "return only JSON values")
        return msgspec.structs.replace(end, value=None, expand=None, error=wrong)
    if call.output_bytes is None or size <= call.output_bytes:
        return end
    message = f"{call.tool} returned {size} bytes, and may return {call.output_bytes}"
    suggestion = "Write large output to a file, or raise resources.output_bytes of the tool."
    wrong = Wrong(message, Category.RESOURCE.value, suggestion)
    return msgspec.structs.replace(end, value=None, expand=None, error=wrong)
