"""``shell``: runs a program by its argument list. No shell reads the text, so nothing in it needs quoting.

Whoever wants pipes or globs names the shell: ``["sh", "-c", "..."]``. The process gets a short list of the engine's
environment variables (``process.INHERITED``) and those of ``env``. It is limited, not caged: what the program may
touch is what the engine's user may touch.
"""

from __future__ import annotations

import os

import msgspec
from pydantic import Field, field_validator

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Resources, Risk, RunContext
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.guardians import NotStarted
from engine.tools.process import MIB, Command, Ended, Limits, Processes, TooMuchOutput
from engine.tools.process_failures import failed, not_started, too_much_output
from engine.tools.roots import Roots
from engine.tools.variables import Variables


class ProcessLimits(Input):
    """What the process may use."""

    memory_mb: int | None = Field(default=None, ge=16, le=1_048_576)
    """MiB of data of each process."""
    cpu_seconds: float | None = Field(default=None, gt=0, le=31_536_000)
    """Processor time of each process."""
    output_bytes: int | None = Field(default=None, ge=1, le=64 * MIB)
    """Bytes of stdout, and as many of stderr."""

    open_files: int | None = Field(default=None, ge=16, le=1_048_576)
    """Files and connections that each process may have open; 4096 unless given."""

    processes: int | None = Field(default=None, ge=8, le=1_048_576)
    """Processes and threads at the same time, all together; TOOL_PROCESSES unless given."""

    disk_mb: int | None = Field(default=None, ge=1, le=1_073_741_824)
    """MiB that it may write to disk, all its processes together; TOOL_DISK_MB unless given."""

    def resolved(self, default: Limits, reduction: int = 0) -> Limits:
        """With the defaults where nothing is given, halved ``reduction`` times after resources ran short."""
        default = default.reduced(reduction)
        return Limits(
            self.memory_mb or default.memory_mb,
            self.cpu_seconds or default.cpu_seconds,
            self.output_bytes or default.output_bytes,
            self.open_files or default.open_files,
            self.processes or default.processes,
            self.disk_mb or default.disk_mb,
        )


class ShellInput(Input):
    """What to run."""

    argv: list[str] = Field(min_length=1)
    """The program and its arguments, one element each."""
    stdin: Json = None
    """Text for its standard input; any other value is handed over as JSON."""
    cwd: str | None = None
    """Folder to run in, below one of FILE_ROOTS; the engine's own folder when not given."""
    env: Variables = Field(default_factory=dict)
    """Environment variables besides the inherited ones."""
    limits: ProcessLimits = ProcessLimits()
    """What it may use."""

    @field_validator("argv")
    @classmethod
    def _runnable(cls, value: list[str]) -> list[str]:
        if not value[0].strip():
            raise ValueError("the first element must name a program")
        if any("\0" in word for word in value):
            raise ValueError("an element holds a NUL character; remove it")
        return value


class Shell(ModelTool[ShellInput]):
    """Runs a program; its output is ``{"exit_code", "stdout", "stderr"}``, with ``json`` when stdout is JSON."""

    name = "shell"
    risk: Risk = "dangerous"
    refuses_tainted = True
    model = ShellInput
    resources = Resources(memory_mb=2048, output_bytes=MIB)
    """Defaults. The time of the attempt is limited by the engine."""

    def __init__(self, processes: Processes, roots: Roots) -> None:
        self._processes, self._roots = processes, roots

    def examine(self, value: ShellInput) -> None:
        """Refuses a folder that surely lies outside the roots."""
        if value.cwd is not None and (fault := self._roots.fault(value.cwd)):
            raise InputFault(fault, "cwd")

    async def perform(self, value: ShellInput, context: RunContext) -> Json:
        """Runs it to its end; exit codes other than 0 are errors that carry the output."""
        limits = value.limits.resolved(Limits.of(self.resources), context.reduction)
        program = value.argv[0]
        cwd = self._folder(value.cwd)
        try:
            ended = await self._processes.run(
                Command(value.argv, limits, stdin=as_bytes(value.stdin), cwd=cwd, env=value.env), context.progress
            )
        except NotStarted as error:
            raise not_started(program, error.errno) from None
        except TooMuchOutput as flood:
            raise too_much_output(program, flood.stream, limits, _output(flood.partial)) from None
        context.measured(ended.memory_bytes, ended.all_cpu_seconds)
        if ended.exit_code != 0:
            raise failed(program, ended, limits, _output(ended))
        return _output(ended)

    def _folder(self, cwd: str | None) -> str:
        if cwd is None:
            return ""
        _, path = self._roots.resolve(cwd)
        if not os.access(path, os.X_OK) or not path.is_dir():
            raise ToolError(
                f"cwd {cwd!r} is no folder that can be entered",
                category=Category.CONFIGURATION,
                suggestion="Make the folder first, for example with write_file, or correct cwd.",
            )
        return str(path)

    async def close(self) -> None:
        """Ends the helper process."""
        await self._processes.close()


def as_bytes(value: Json) -> bytes:
    """Text as UTF-8, nothing for null, any other value as JSON."""
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _output(ended: Ended) -> dict[str, Json]:
    stdout = ended.stdout.decode(errors="replace")
    output: dict[str, Json] = {
        "exit_code": ended.exit_code,
        "stdout": stdout,
        "stderr": ended.stderr.decode(errors="replace"),
    }
    if stdout.strip():
        try:
            output["json"] = msgspec.json.decode(ended.stdout)
        except (ValueError, RecursionError):  # not JSON: it stays text
            return output
    return output
