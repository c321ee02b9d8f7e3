"""How the end of a process becomes an error with a category: pure, and shared by every tool that runs processes."""

from __future__ import annotations

import errno
import re
import signal

from engine.errors import Category, ToolError
from engine.model import Json
from engine.tools.process import Ended, Limits

_TRY_LATER = 75
"""EX_TEMPFAIL of sysexits.h."""
_NOT_RUNNABLE = (126, 127)
_LIMIT_SIGNALS = (signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ)
_CRASH_SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
_MEMORY = re.compile(
    r"MemoryError|cannot allocate memory|out of memory|outofmemory|bad_alloc|memory exhausted|not enough memory",
    re.IGNORECASE,
)
_FULL = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def not_started(program: str, number: int) -> ToolError:
    """The program cannot be run: configuration, or resource when the machine is at its end."""
    if number in _FULL:
        return ToolError(
            f"no process could be started for {program}: the machine is at its limit",
            category=Category.RESOURCE,
            suggestion="Lower MAX_PARALLEL_TASKS, or raise the limits on processes, open files and memory.",
        )
    reason = {errno.ENOENT: "there is no such program", errno.EACCES: "it may not be run"}.get(number)
    suggestion = {
        errno.ENOENT: "Install it, or correct its name or the PATH.",
        errno.EACCES: "Make the file executable (chmod +x), or name the interpreter first.",
        errno.ENOEXEC: "Name the interpreter first, or give the file a #! line.",
        errno.E2BIG: "Hand large data over through stdin or a file.",
    }.get(number, "Correct the first element of argv.")
    text = reason or f"it cannot be run ({errno.errorcode.get(number, number)})"
    return ToolError(f"{program}: {text}", category=Category.CONFIGURATION, suggestion=suggestion)


def too_much_output(program: str, stream: str, limits: Limits, output: Json) -> ToolError:
    """The process was killed because it wrote too much."""
    return ToolError(
        f"{program} wrote more than {limits.output_bytes} bytes to {stream} and was stopped",
        category=Category.RESOURCE,
        suggestion="Write large output to a file, or raise limits.output_bytes.",
        output=output,
    )


def failed(program: str, ended: Ended, limits: Limits, output: Json) -> ToolError:
    """The process ended with anything else than 0."""
    category = category_of(ended, limits)
    last = last_line(ended.stderr)
    how = _how(ended.exit_code)
    if ended.crowded:
        how = f"had {ended.crowded} processes and was stopped"
    elif ended.flooded:
        how = f"wrote more than {ended.flooded >> 20} MiB to disk and was stopped"
    return ToolError(
        f"{program} {how}" + (f": {last}" if last else ""),
        category=category,
        suggestion=_suggestion(category, ended, limits),
        output=output,
        crashed=crashed(ended, limits),
    )


def category_of(ended: Ended, limits: Limits) -> Category:
    """75 transient, 126 and 127 configuration, ended by a limit resource, else logic."""
    if ended.exit_code == _TRY_LATER:
        return Category.TRANSIENT
    if ended.exit_code in _NOT_RUNNABLE:
        return Category.CONFIGURATION
    if _signal(ended.exit_code) in _LIMIT_SIGNALS or _short_of_memory(ended, limits):
        return Category.RESOURCE
    return Category.LOGIC


def crashed(ended: Ended, limits: Limits) -> bool:
    """Whether the process died of something else than its limits: a fault in it, or a killer outside."""
    killer = _signal(ended.exit_code)
    if ended.crowded or ended.flooded:
        return False
    if killer == signal.SIGKILL:
        return not _used_its_time(ended, limits)
    return killer in _CRASH_SIGNALS and not _short_of_memory(ended, limits)


def _used_its_time(ended: Ended, limits: Limits) -> bool:
    """A process that ignores SIGXCPU is killed a second later."""
    return limits.cpu_seconds is not None and ended.cpu_seconds >= limits.cpu_seconds


def last_line(data: bytes) -> str:
    """The last line with text in it, shortened to 300 characters."""
    lines = data[-4096:].decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""


def _short_of_memory(ended: Ended, limits: Limits) -> bool:
    """There is no signal for it: the program sees a refused allocation and says so, or falls over."""
    return limits.memory_mb is not None and bool(_MEMORY.search(ended.stderr[-4096:].decode(errors="replace")))


def _signal(exit_code: int) -> int:
    """The signal that ended the process, also when a shell passed it on as 128 + n; 0 when none did."""
    if exit_code < 0:
        return -exit_code
    return exit_code - 128 if exit_code > 128 else 0


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"


def _suggestion(category: Category, ended: Ended, limits: Limits) -> str:
    if category is Category.CONFIGURATION:
        return "A program that it calls is missing or may not be run: install it, or correct the PATH."
    if category is not Category.RESOURCE:
        return ""
    killer = _signal(ended.exit_code)
    if ended.crowded:
        return "Let it have fewer at the same time, or raise limits.processes or TOOL_PROCESSES."
    if killer == signal.SIGXCPU or (killer == signal.SIGKILL and _used_its_time(ended, limits)):
        return f"It used its {limits.cpu_seconds} s of processor time: raise limits.cpu_seconds, or give it less work."
    if ended.flooded or killer == signal.SIGXFSZ:
        return "Let it write less to disk, or raise limits.disk_mb, TOOL_DISK_MB, or ulimit -f of the machine."
    if killer == signal.SIGKILL:
        return "It was killed from outside, as a machine without free memory does: give it less data, or run fewer."
    return f"Raise limits.memory_mb (now {limits.memory_mb}), or give it less data."
