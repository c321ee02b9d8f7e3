"""What a running tool may use: its place, its log, its signs of life. Handed to every call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import structlog

from engine.logbook import Keep
from engine.model import Json
from engine.secrets.masking import Masker
from engine.turn import Claim

_log = structlog.get_logger("attempt")
LEVELS = ("debug", "info", "warning", "error")
NOTHING_HIDDEN = Masker()
_RESOURCE = "resource:"
_HELD = "held:"
_BETWEEN = ";"


class Living(Protocol):
    """Whoever wants to know that an attempt is alive."""

    def alive(self) -> None:
        """A sign of life."""


class Context:
    """The context of one attempt; see ``engine.ports.RunContext``."""

    __slots__ = (
        "_keep",
        "_loop",
        "_masker",
        "_thread",
        "_watch",
        "approved",
        "deadline",
        "key",
        "limited",
        "measured",
        "reduction",
        "subtask_id",
        "task_id",
        "token",
    )

    def __init__(
        self,
        claim: Claim,
        deadline: float,
        watch: Living,
        measured: Callable[[int, float], None],
        keep: Keep,
        limited: Callable[[float], None] = lambda _: None,
        masker: Masker = NOTHING_HIDDEN,
        approved: bool = False,
    ) -> None:
        self.task_id = claim.task_id
        self.subtask_id = claim.id
        self.key = claim.key
        self.token = claim.token
        self.deadline = deadline
        self.reduction = reduction(claim.reason)
        self.measured = measured
        self.limited = limited
        self.approved = approved
        self._watch = watch
        self._keep = keep
        self._loop, self._thread = _running_loop(), threading.get_ident()
        self._masker = masker

    def log(self, level: str, message: str, **fields: Json) -> None:
        """Writes a log line that names task and subtask, and keeps it with them, secrets covered; a sign of life as
        well.
        """
        self._watch.alive()
        message, fields = self._masker.text(message), self._masker.value(fields)
        self._kept(level, message, fields)
        write: Callable[..., Any] = getattr(_log, level if level in LEVELS else "info")
        write(message, task_id=self.task_id, subtask=self.key, attempt=self.token, **fields)

    def _kept(self, level: str, message: str, fields: Mapping[str, Json]) -> None:
        """The log belongs to the event loop; a function that is not async calls from a thread of its own."""
        if self._loop is None or threading.get_ident() == self._thread:
            self._keep(level, message, fields)
            return
        with suppress(RuntimeError):  # the loop is closed: nobody keeps anything any more
            self._loop.call_soon_threadsafe(self._keep, level, message, fields)

    def covered(self, text: str, /) -> str:
        """The text with every known secret covered."""
        return self._masker.text(text)

    def progress(self) -> None:
        """A sign of life."""
        self._watch.alive()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def reduction(reason: str) -> int:
    """How often attempts of this subtask ran out of resources in a row, as its reason notes it."""
    first = reason.partition(_BETWEEN)[0]
    return int(first.removeprefix(_RESOURCE)) if first.startswith(_RESOURCE) else 0


def short_of_resources(reason: str) -> str:
    """The reason after one more attempt that ran out of resources."""
    return f"{_RESOURCE}{reduction(reason) + 1}"


def held_back(reason: str, code: str, words: str) -> str:
    """The reason of one that may not start: a code, and words for people. How often it ran short stays with it."""
    before = f"{_RESOURCE}{reduction(reason)}{_BETWEEN}" if reduction(reason) else ""
    return f"{before}{_HELD}{code}:{words}"


def what_holds(reason: str) -> tuple[str, str] | None:
    """(code, words) of what held a subtask back; None when nothing did."""
    text = reason.partition(_BETWEEN)[2] if reason.startswith(_RESOURCE) else reason
    if not text.startswith(_HELD):
        return None
    code, _, words = text.removeprefix(_HELD).partition(":")
    return code, words
