"""The worker processes of one engine: started when they are wanted, kept, killed for real, replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from engine.beside import Beside
from engine.errors import Category, SettingsError, ToolError
from engine.executors import Lost
from engine.model import Json
from engine.pools.calls import ROOM, Begun, Call, End, Line, Rest, Sign, Told, encoded, told_of
from engine.pools.link import Link
from engine.settings import Settings
from engine.toolport import RunContext
from engine.tools.crowding import Crowding
from engine.tools.guardians import NotStarted, Outcome
from engine.tools.process import MIB, OPEN_FILES, Command, Limits, Processes
from engine.tools.process_failures import not_started

START_SECONDS = 60.0
"""A worker that has not loaded its tools by then is given up."""
MEMORY_MB = 4096
"""What a call may hold where its tool sets no bound; numeric libraries reserve memory for every processor."""
OUTPUT_BYTES = 16 * MIB
"""What it may return where its tool sets no bound."""
KNOWN_THERE = (
    *("namespace", "data_path", "file_roots", "undo_path", "http_allow_private", "cancel_grace_seconds"),
    *("tool_processes", "task_timeout_seconds"),
)
"""Settings that other processes are told: where files are, how long things take. None of them is a secret."""
_SCRIPT = Path(__file__).with_name("child.py")
_log = structlog.get_logger("pools")


def most_workers(settings: Settings) -> int:
    """How many there may be at the same time."""
    return settings.executor_processes or os.cpu_count() or 1


def told_there(settings: Settings) -> dict[str, Json]:
    """The settings that another process is told; folders are named from the root on."""
    found = settings.model_dump(mode="json", include=set(KNOWN_THERE))
    for name in ("data_path", "undo_path"):
        if found[name] is not None:
            found[name] = str(Path(found[name]).absolute())
    found["file_roots"] = [str(Path(root).absolute()) for root in found["file_roots"]]
    return found


def hear(context: RunContext, told: Told) -> None:
    """Hands on what was said of a call on its way."""
    match told:
        case Sign() | Begun():
            context.progress()
        case Line():
            context.log(told.level, told.message, **_named(told.fields))
        case Rest():
            context.limited(told.seconds)


def _named(fields: Mapping[str, Json]) -> dict[str, Json]:
    """The fields of a log line under names that mean nothing else here."""
    taken = {"level", "message", "event", "task_id", "subtask", "attempt", "timestamp", "self"}
    return {f"{name}_" if name in taken else name: value for name, value in fields.items()}


class Worker:
    """One worker process, which runs one call at a time."""

    def __init__(self, processes: Processes) -> None:
        self._context: RunContext | None = None
        self._end: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._ready: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self.link = Link(processes, self._heard, self._alive, OUTPUT_BYTES + ROOM)

    async def open(self, settings: Settings, tools: list[tuple[str, str]], variables: Mapping[str, str]) -> None:
        """Starts it and has it load tools, as (name, origin).

        Raises:
            NotStarted: the machine can start no process.
            SettingsError: a tool cannot be loaded there; the message names it.
        """
        limits = Limits(None, None, OUTPUT_BYTES, OPEN_FILES)
        command = Command([sys.executable, "-P", str(_SCRIPT)], limits, env=variables)
        await self.link.open(command)
        await self.link.send(msgspec.json.encode(beginning(settings, tools)))
        await asyncio.wait(
            _any(self._ready, self.link.gone), timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not self._ready.done():
            how = (
                how_ended(self.link.gone.result()) if self.link.gone.done() else f"said nothing for {START_SECONDS:g} s"
            )
            raise SettingsError(f"a worker process {how} while it loaded its tools: {self.link.last_words}")
        if faults := self._ready.result():
            name, words = next(iter(faults.items()))
            raise SettingsError(
                f"the type {name} cannot run in a worker process: {words}; mend it, or let it run with the engine: "
                f"TYPE_EXECUTORS={name}:asyncio"
            )

    async def call(self, call: Call, context: RunContext) -> End:
        """What came of a call; raises ``Lost`` or ``ToolError`` when the process ends before it has said so."""
        self._context, self._end = context, asyncio.get_running_loop().create_future()
        self.link.most = (call.output_bytes or OUTPUT_BYTES) * 2 + ROOM
        try:
            await self.link.send(encoded(call))
            await asyncio.wait(_any(self._end, self.link.gone), return_when=asyncio.FIRST_COMPLETED)
            if not self._end.done():
                raise died(call, self.link.gone.result(), self.link.last_words, self.link.too_long)
            if text := await self.link.printed():
                context.log("info", "printed", text=text)
            return self._end.result()
        finally:
            self._context = None

    def _heard(self, data: bytes) -> None:
        if not self._ready.done():
            self._ready.set_result(msgspec.json.decode(data, type=dict[str, str]))
            return
        told = told_of(data)
        if isinstance(told, End):
            if not self._end.done():
                self._end.set_result(told)
        elif self._context is not None:
            hear(self._context, told)

    def _alive(self) -> None:
        if self._context is not None:
            self._context.progress()


def beginning(settings: Settings, tools: list[tuple[str, str]]) -> dict[str, Json]:
    """The first word to another process: where Python finds what it finds here, and what to load."""
    path = [str(Path(entry or ".").absolute()) for entry in sys.path]
    return {"path": path, "settings": told_there(settings), "tools": tools}


def _any(*futures: asyncio.Future[Any]) -> list[asyncio.Future[Any]]:
    return list(futures)


def how_ended(outcome: Outcome) -> str:
    """The end of a process in words."""
    if outcome.exit_code >= 0:
        return f"ended with exit code {outcome.exit_code}"
    try:
        return f"was ended by {signal.Signals(-outcome.exit_code).name}"
    except ValueError:
        return f"was ended by signal {-outcome.exit_code}"


def died(call: Call, outcome: Outcome, last_words: str, too_long: bool) -> Exception:
    """What it means that the process of a call has ended: a limit is the tool's, for all else nobody is to blame."""
    said = f": {last_words}" if last_words else ""
    if too_long:
        return ToolError(
            f"{call.tool} sent more at once than its output may have, and was stopped",
            category=Category.RESOURCE,
            suggestion="Write large output to a file, or raise resources.output_bytes of the tool.",
        )
    if outcome.crowded:
        return ToolError(
            f"{call.tool} had {outcome.crowded} processes and was stopped{said}",
            category=Category.RESOURCE,
            suggestion="Let it have fewer at the same time, or raise TOOL_PROCESSES.",
        )
    if -outcome.exit_code == signal.SIGXCPU:
        return ToolError(
            f"{call.tool} used its {call.cpu_seconds:g} s of processor time and was stopped{said}",
            category=Category.RESOURCE,
            suggestion="Raise resources.cpu_seconds of the tool, or give it less work.",
        )
    return Lost(f"its worker process {how_ended(outcome)}{said}")


class Workers:
    """The worker processes of one engine.

    Args:
        settings: of the engine.
        variables: of the environment, for them.
        tools: says which they load, as (name, origin).
    """

    def __init__(
        self, settings: Settings, variables: Mapping[str, str], tools: Callable[[], list[tuple[str, str]]]
    ) -> None:
        self._settings, self._variables, self._tools = settings, variables, tools
        self._grace = settings.cancel_grace_seconds
        self.most = most_workers(settings)
        self._processes = Processes(self._grace, Crowding.of(settings))
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._beside = Beside(lambda error: _log.error("a worker process did not start", exc_info=error))
        self._closed = False
        self.lost = 0
        """How many have ended by themselves, or were killed from outside."""

    @property
    def alive(self) -> int:
        """How many there are."""
        return len(self._all)

    @property
    def pids(self) -> list[int]:
        """The ids of their guardians."""
        return [worker.link.pid for worker in self._all]

    async def begin(self) -> None:
        """Starts the first one; raises ``SettingsError`` where a tool cannot run there."""
        try:
            self._idle.append(await self._start())
        except NotStarted as error:
            raise SettingsError(f"no worker process could be started: {error}") from None

    async def take(self) -> Worker:
        """One that does nothing; raises ``ToolError`` where none can be started."""
        while self._idle:
            worker = self._idle.pop()
            if not worker.link.gone.done():
                return worker
            self.lost += 1
            await self._end(worker)
        try:
            return await self._start()
        except NotStarted as error:
            raise not_started("a worker process", error.errno) from None
        except SettingsError as error:
            raise ToolError(str(error), category=Category.CONFIGURATION) from None

    def give_back(self, worker: Worker) -> None:
        """It has nothing to do any more; where its replacement is there already, it is one too many."""
        if len(self._all) > self.most:
            self._beside.start(self._end(worker))
        else:
            self._idle.append(worker)

    async def drop(self, worker: Worker) -> None:
        """Kills one with all that it has started, and has a fresh one started in its place."""
        await self._end(worker)
        if not self._closed and len(self._all) < self.most:
            self._beside.start(self._replace())

    async def close(self) -> None:
        """Ends all of them."""
        self._closed = True
        await self._beside.end()
        for worker in list(self._all):
            await self._end(worker)
        await self._processes.close()

    async def _start(self) -> Worker:
        worker = Worker(self._processes)
        self._all.add(worker)
        try:
            await worker.open(self._settings, self._tools(), self._variables)
        except BaseException:
            await self._end(worker)
            raise
        return worker

    async def _replace(self) -> None:
        worker = await self._start()
        self._idle.insert(0, worker)

    async def _end(self, worker: Worker) -> None:
        self._all.discard(worker)
        await worker.link.close(self._grace)
