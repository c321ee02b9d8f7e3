"""Bash wrappers: executables in a folder that print their schema, read JSON on stdin and print JSON.

They run as argument lists below the same guardian as ``shell``: limits, and the whole process group dies on a timeout
or a cancellation. Their names are known at once, their schemas when the first agent wants one; a file that has changed
is asked again.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.docstrings import described
from engine.errors import Category, ToolExecutionError
from engine.model import Json
from engine.toolport import Declared, RunContext
from engine.tools.faults import Faults
from engine.tools.guardians import NotStarted
from engine.tools.json_schema import SchemaFault, check_schema, faults
from engine.tools.process import MIB, Command, Ended, Limits, Processes, TooMuchOutput
from engine.tools.process_failures import category_of, crashed, last_line, not_started

SCHEMA_SECONDS = 30.0
"""Longest time that a wrapper gets to print its schema."""
_LIMITS = Limits(memory_mb=2048, cpu_seconds=None, output_bytes=MIB)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Sheet(BaseModel):
    """What a wrapper prints when it is called with ``--schema``."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=described, defer_build=True)

    description: str = Field(min_length=1, max_length=10_000)
    """What it does, for the model."""
    input_schema: dict[str, Json]
    """JSON Schema of what it reads: an object."""
    risk: Literal["read", "write", "dangerous"] = "write"
    """What it can do at worst; a dangerous one needs a person."""
    idempotent: bool = False
    """Running it twice does no more than running it once: a call that was cut off is repeated."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=3_600)
    """Longest run."""


class Wrapper(Declared):
    """One wrapper as a tool. Its output is the JSON value that it prints."""

    untrusted = True

    def __init__(self, name: str, path: Path, sheet: Sheet, processes: Processes, folder: str = "") -> None:
        self.name, self.sheet, self._path, self._processes, self._folder = name, sheet, path, processes, folder
        self.idempotent, self.risk = sheet.idempotent, sheet.risk

    @property
    def seconds(self) -> float:
        """Longest run, with the time to end it."""
        return self.sheet.timeout_seconds + 5.0

    def within(self, folder: str) -> Wrapper:
        """The same one, working in a folder that is made when it runs."""
        return Wrapper(self.name, self._path, self.sheet, self._processes, folder)

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input."""
        return {**self.sheet.input_schema, "description": self.sheet.description}

    def check(self, value: Json) -> Faults:
        """Where an input does not fit the schema."""
        return faults(self.sheet.input_schema, value)

    async def run(self, value: Json, context: RunContext) -> Json:
        """Runs it to its end; raises ``ToolExecutionError``, whose ``case`` tells the failures apart."""
        if self._folder:
            await asyncio.to_thread(Path(self._folder).mkdir, parents=True, exist_ok=True)
        stdin, seconds = msgspec.json.encode(value), self.sheet.timeout_seconds
        ended = await _run(self._processes, self._path, [], stdin, seconds, self._folder)
        context.progress()
        context.measured(ended.memory_bytes, ended.all_cpu_seconds)
        return _value(self.name, ended)


class Wrappers:
    """The wrappers of a folder.

    Args:
        folder: None for no wrappers.
        processes: run them.
    """

    def __init__(self, folder: Path | None, processes: Processes) -> None:
        self._folder, self._processes = folder, processes
        self._known: dict[str, tuple[tuple[int, int], Wrapper]] = {}

    def names(self) -> list[str]:
        """The names that there are: of the executables, without their endings."""
        return sorted(self._files())

    async def get(self, name: str) -> Wrapper:
        """The wrapper of that name; asks it for its schema unless the file is the one that was asked before.

        Raises:
            ToolExecutionError: there is none ("missing"), or what it prints is no schema ("bad JSON", "timeout" and
                the like).
        """
        path = self._files().get(name)
        if path is None:
            raise ToolExecutionError(
                "missing",
                f"there is no wrapper {name}",
                category=Category.CONFIGURATION,
                suggestion="Put an executable of that name into WRAPPERS_PATH.",
            )
        stamp = _stamp(path)
        known = self._known.get(name)
        if known is None or known[0] != stamp:
            known = self._known[name] = (stamp, await self._asked(name, path))
        return known[1]

    async def close(self) -> None:
        """Ends the helper process."""
        await self._processes.close()

    def _files(self) -> dict[str, Path]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        found = sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.stem) and _executable(path))
        return {path.stem: path.absolute() for path in reversed(found)}

    async def _asked(self, name: str, path: Path) -> Wrapper:
        ended = await _run(self._processes, path, ["--schema"], b"", SCHEMA_SECONDS)
        try:
            sheet = Sheet.model_validate(_value(name, ended))
            if sheet.input_schema.get("type") != "object":
                raise SchemaFault("should describe an object", "input_schema")
            check_schema(sheet.input_schema)
        except (ValidationError, SchemaFault) as error:
            why = (
                "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
                if (isinstance(error, ValidationError))
                else str(error)
            )
            raise ToolExecutionError(
                "bad JSON",
                f"what {name} --schema prints is no description of a tool: {why}",
                category=Category.CONFIGURATION,
                suggestion='Print {"description": "...", "input_schema": {"type": "object", ...}}.',
            ) from None
        return Wrapper(name, path, sheet, self._processes)


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    assert stat.S_ISREG(found.st_mode)
    return found.st_size, found.st_mtime_ns


async def _run(
    processes: Processes, path: Path, arguments: list[str], stdin: bytes, seconds: float, folder: str = ""
) -> Ended:
    """Runs it; the errors that keep it from an end are told apart."""
    command = Command([str(path), *arguments], _LIMITS, stdin=stdin, cwd=folder)
    try:
        async with asyncio.timeout(seconds):
            return await processes.run(command, lambda: None)
    except TimeoutError:
        raise ToolExecutionError(
            "timeout",
            f"{path.stem} did not end within {seconds:g} s and was stopped",
            category=Category.TIMEOUT,
            suggestion="Give it less to do, or raise timeout_seconds in its schema.",
        ) from None
    except NotStarted as error:
        told = not_started(path.stem, error.errno)
        raise ToolExecutionError("missing", str(told), category=told.category, suggestion=told.suggestion) from None
    except TooMuchOutput as flood:
        raise ToolExecutionError(
            "bad JSON",
            f"{path.stem} wrote more than {_LIMITS.output_bytes} bytes to {flood.stream} and was stopped",
            category=Category.RESOURCE,
            suggestion="Ask for less, or let it write a file.",
        ) from None


def _value(name: str, ended: Ended) -> Json:
    """What it has printed."""
    if ended.exit_code != 0:
        said = last_line(ended.stderr)
        raise ToolExecutionError(
            "exit code",
            f"{name} ended with exit code {ended.exit_code}" + (f": {said}" if said else ""),
            category=category_of(ended, _LIMITS),
            suggestion="Look at what it says on stderr.",
            crashed=crashed(ended, _LIMITS),
        )
    try:
        value: Json = msgspec.json.decode(ended.stdout)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ToolExecutionError(
            "bad JSON",
            f"what {name} prints is no JSON value: {error}",
            suggestion="It should print one JSON value on stdout, and everything else on stderr.",
        ) from None
    return value
