"""What tests of tools need: a context that records its log, bounded waiting, and a look at running processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from engine.model import Json


@dataclass
class RecordingContext:
    """A ``RunContext`` that keeps what is logged and counts the signs of life."""

    task_id: str = "01TESTTASK"
    subtask_id: str = "01TESTTASK.0000001"
    key: str = "step"
    token: int = 1
    deadline: float = 1e9
    reduction: int = 0
    approved: bool = False
    signs: int = 0
    measures: list[tuple[int, float]] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)
    logged: list[tuple[str, str, dict[str, Json]]] = field(default_factory=list)

    def log(self, level: str, message: str, **fields: Json) -> None:
        """Keeps the line."""
        self.logged.append((level, message, fields))

    def covered(self, text: str, /) -> str:
        """It knows one secret."""
        return text.replace("hush-hush", "***")

    def progress(self) -> None:
        """Counts the signs of life."""
        self.signs += 1

    def measured(self, memory_bytes: int, cpu_seconds: float, /) -> None:
        """Keeps what a process took."""
        self.measures.append((memory_bytes, cpu_seconds))

    def limited(self, seconds: float, /) -> None:
        """Keeps for how long the far end wants to be left alone."""
        self.rests.append(seconds)


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Returns as soon as ``condition`` holds; fails after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not hold within {seconds} s"
        await asyncio.sleep(0.01)


def running(marker: str) -> list[int]:
    """The processes with ``marker`` as one of their arguments; zombies are not running."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and marker in (process.info["cmdline"] or [])
    ]


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie, which only waits to be buried, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
