"""``aider``: has the coding assistant aider change files below the roots. It is a program of its own, not a library:
its many exact dependencies would leave no room for others.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, field_validator

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Resources, Risk, RunContext, ToolHealth, ToolLimits
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.guardians import NotStarted
from engine.tools.process import MIB, Command, Ended, Limits, Processes, TooMuchOutput
from engine.tools.process_failures import failed, not_started, too_much_output
from engine.tools.roots import Roots
from engine.tools.variables import Variables

PROGRAM = "aider"
_MISSING = ToolHealth(False, "aider is not on the PATH", "Install it: pip install aider-install && aider-install")
_QUIET = (
    *("--yes-always", "--no-pretty", "--no-stream", "--no-check-update", "--no-show-release-notes"),
    *("--no-fancy-input", "--no-suggest-shell-commands", "--no-detect-urls", "--no-gitignore"),
    *("--no-analytics", "--no-show-model-warnings"),
)
"""Nobody is there to answer, and it runs no command that a model has thought of."""


class AiderInput(Input):
    """What is to be changed where."""

    message: str = Field(min_length=1, max_length=100_000)
    """What aider is to do."""
    files: list[str] = Field(default_factory=list, max_length=200)
    """Files that it may change, below ``cwd``."""
    read: list[str] = Field(default_factory=list, max_length=200)
    """Files that it only looks at, below ``cwd``."""
    cwd: str = "."
    """Folder to work in, below one of FILE_ROOTS."""
    model: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,199}$")
    """The model as aider names it; aider's own choice unless given."""
    commit: bool = False
    """Let it commit what it has changed, where ``cwd`` is in a git repository."""
    env: Variables = Field(default_factory=dict)
    """Environment variables besides the inherited ones, such as the key of another provider."""

    @field_validator("message")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip() or "\0" in value:
            raise ValueError("must say something, without NUL characters")
        return value


class Aider(ModelTool[AiderInput]):
    """Runs aider once; its output is ``{"exit_code", "stdout", "stderr"}``.

    Args:
        keys: environment variables with the keys that the engine has for models.
    """

    name = "aider"
    risk: Risk = "dangerous"
    untrusted = True
    refuses_tainted = True
    resources = Resources(memory_mb=4096, output_bytes=4 * MIB)
    limits = ToolLimits(parallel=2, attempt_seconds=1800)
    model = AiderInput

    def __init__(self, processes: Processes, roots: Roots, keys: Mapping[str, str]) -> None:
        self._processes, self._roots, self._keys = processes, roots, keys

    def examine(self, value: AiderInput) -> None:
        """Refuses paths that surely lie outside the roots."""
        if fault := self._roots.fault(value.cwd):
            raise InputFault(fault, "cwd")
        for field in ("files", "read"):
            for index, path in enumerate(getattr(value, field)):
                if Path(path).is_absolute() or self._roots.fault(path):
                    raise InputFault("must be a path below cwd", field, index)

    async def health_check(self) -> ToolHealth:
        """Whether the program is there; it is not run."""
        return ToolHealth() if shutil.which(PROGRAM) else _MISSING

    async def perform(self, value: AiderInput, context: RunContext) -> Json:
        """Runs it to its end."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise ToolError(_MISSING.detail, category=Category.CONFIGURATION, suggestion=_MISSING.suggestion)
        folder = self._folder(value.cwd)
        limits = Limits(self.resources.memory_mb, None, 4 * MIB).reduced(context.reduction)
        argv = _argv(program, value, self._below(folder, value.files), self._below(folder, value.read))
        command = Command(argv, limits, cwd=folder, env={**self._keys, **value.env})
        try:
            ended = await self._processes.run(command, context.progress)
        except NotStarted as error:
            raise not_started(PROGRAM, error.errno) from None
        except TooMuchOutput as flood:
            raise too_much_output(PROGRAM, flood.stream, limits, _output(flood.partial)) from None
        context.measured(ended.memory_bytes, ended.all_cpu_seconds)
        if ended.exit_code != 0:
            raise failed(PROGRAM, ended, limits, _output(ended))
        return _output(ended)

    def _folder(self, cwd: str) -> str:
        _, path = self._roots.resolve(cwd)
        if not path.is_dir():
            raise ToolError(
                f"cwd {cwd!r} is no folder",
                category=Category.CONFIGURATION,
                suggestion="Make the folder first, for example with write_file, or correct cwd.",
            )
        return str(path)

    def _below(self, folder: str, paths: list[str]) -> list[str]:
        """The paths, each below the roots whatever links are on the way."""
        return [str(self._roots.resolve(str(Path(folder) / path))[1]) for path in paths]

    async def close(self) -> None:
        """Ends the helper process."""
        await self._processes.close()


def _argv(program: str, value: AiderInput, files: list[str], read: list[str]) -> list[str]:
    commits = "--auto-commits" if value.commit else "--no-auto-commits"
    argv = [program, *_QUIET, commits, f"--message={value.message}"]
    if value.model is not None:
        argv.append(f"--model={value.model}")
    return [*argv, *(f"--read={path}" for path in read), *(f"--file={path}" for path in files)]


def _output(ended: Ended) -> dict[str, Json]:
    return {
        "exit_code": ended.exit_code,
        "stdout": ended.stdout.decode(errors="replace"),
        "stderr": ended.stderr.decode(errors="replace"),
    }
