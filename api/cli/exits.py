"""Exit codes, and how an expected error ends a command: one line on stderr, no traceback."""

from __future__ import annotations

from api.cli.output import say
from engine.errors import BlobsUnavailable, EngineError, GraphRefused, GraphUnavailable, InvalidInput, SettingsError

DONE = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 130
"""The shell's own code for a command that was ended with Ctrl-C."""

SHOWN_FAULTS = 20


class Stop(Exception):
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: Stop | EngineError) -> int:
    """The exit code of an expected error."""
    if isinstance(error, Stop):
        return error.code
    if isinstance(error, GraphUnavailable | GraphRefused | BlobsUnavailable):
        return UNREACHABLE
    return USAGE if isinstance(error, SettingsError | InvalidInput) else FAILED


def lines_of(error: Stop | EngineError) -> list[str]:
    """What to print about an expected error: one line, and one more for each fault of a plan."""
    if not isinstance(error, InvalidInput):
        return [" ".join(str(error).split())]
    faults = [f"  {fault.pointer or '/'}: {fault.detail}" for fault in error.faults[:SHOWN_FAULTS]]
    rest = len(error.faults) - len(faults)
    more = [f"  and {rest} more"] if rest > 0 else []
    return [f"the plan has {len(error.faults)} fault(s); nothing was stored:", *faults, *more]


def report(error: Stop | EngineError) -> int:
    """Prints an expected error on stderr and returns its exit code."""
    first, *rest = lines_of(error)
    say("\n".join([f"agent03: {first}", *rest]))
    return code_of(error)
