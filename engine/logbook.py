"""Keeps what attempts log: in the graph, in batches beside the loop, bounded in length and age.

A line is worth less than the work that wrote it. So nothing waits for one: lines gather in memory, go into the graph
once a second, and where too many wait, or the graph is away for long, the oldest are dropped and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec
import structlog

from engine.beside import Beside
from engine.errors import EngineError
from engine.logstore import SEVERITY, LogLine, LogStore, LogWish
from engine.model import Json
from engine.plan.ids import Ulids, first_ulid
from engine.ports import Alarm, Clock
from engine.tools.secret_text import secret_in
from engine.turn import Claim

SECONDS = 1.0
"""Longest wait of a line before it is written."""
AGAIN_SECONDS = 5.0
"""Before a write that failed is tried again."""
BATCH = 500
CROWDED = 10_000
"""Lines that may wait."""
MOST_OF_ATTEMPT = 1_000
"""Lines that are kept of one attempt; one more says that there were others."""
MESSAGE_CHARACTERS = 2_000
FIELDS_BYTES = 4_000
SWEEP_BATCH = 1_000
LOOK_MS = 600_000
"""Between two looks for lines that are too old."""
_DAY_MS = 86_400_000
_TOLD = frozenset({"event", "level", "task_id", "subtask"})
_TOO_MANY = f"This attempt has logged {MOST_OF_ATTEMPT:,} lines; no more of it are kept."
_log = structlog.get_logger("logbook")


class Keep(Protocol):
    """Takes one line of an attempt."""

    def __call__(self, level: str, message: str, fields: Mapping[str, Json]) -> None:
        """Keeps it, unless it is not severe enough or one too many."""


class _Subject(NamedTuple):
    """What a line is about that no attempt has written."""

    task_id: str
    key: str
    token: int = 0


class Logbook:
    """The log of one engine's attempts.

    Args:
        engine: the id of this engine.
        level: the least severe level that is kept.
        days: how long a line is kept.
        rows: how many lines of the namespace are kept; 0 keeps none.
        cover: covers the secrets of this engine in a text.
    """

    def __init__(
        self,
        graph: LogStore,
        clock: Clock,
        engine: Callable[[], str],
        *,
        level: str,
        days: float,
        rows: int,
        cover: Callable[[str], str] = str,
    ) -> None:
        self._cover = cover
        self._graph = graph
        self._clock = clock
        self._engine = engine
        self._least = SEVERITY[level]
        self._days = days
        self._rows = rows
        self._ids = Ulids()
        self._waiting: deque[LogLine] = deque()
        self._beside = Beside(lambda error: _log.error("the log is not written", exc_info=error))
        self._alarm: Alarm | None = None
        self._writing = False
        self._closed = False
        self._fresh = 0
        self._looked = 0
        self.dropped = 0
        """Lines that found no room."""

    def of(self, attempt: Claim, agent: Callable[[], str] = lambda: "") -> Keep:
        """Where an attempt's lines go; ``agent`` says at which one it runs."""
        written = 0

        def keep(level: str, message: str, fields: Mapping[str, Json]) -> None:
            nonlocal written
            if self._closed or not self._rows or SEVERITY.get(level, 20) < self._least or written > MOST_OF_ATTEMPT:
                return
            written += 1
            if written > MOST_OF_ATTEMPT:
                level, message, fields = "warning", _TOO_MANY, {}
            self._add(self._line(attempt, level, message, fields, agent()))

        return keep

    def hear(self, level: str, message: str, event: Mapping[str, Json]) -> None:
        """What the engine itself has said about a task: ``task_id``, perhaps ``subtask``, and other fields."""
        if self._closed or not self._rows or SEVERITY.get(level, 20) < self._least:
            return
        subject = _Subject(str(event["task_id"]), str(event.get("subtask", "")))
        fields = {name: value for name, value in event.items() if name not in _TOLD}
        if error := fields.pop("exc_info", None):
            fields["error"] = str(error)
        self._add(self._line(subject, level, message, fields))

    async def lines(self, wish: LogWish) -> list[LogLine]:
        """Lines of the namespace, the latest first. Those of another engine may be a second late."""
        if self._waiting and not self._writing:
            await self._write()
            if self._waiting:
                self._later(SECONDS)
        return await self._graph.log_lines(wish)

    async def stop(self) -> None:
        """Writes what waits, if the graph answers, and takes nothing more."""
        self._closed = True
        self._quiet()
        await self._beside.end()
        try:
            while self._waiting:
                await self._write()
        except EngineError as error:
            _log.warning("the end of the log is lost", lines=len(self._waiting), reason=str(error))

    # --- writing ----------------------------------------------------------------------------------------------------

    def _line(
        self, attempt: Claim | _Subject, level: str, message: str, fields: Mapping[str, Json], agent_id: str = ""
    ) -> LogLine:
        at = self._clock.now()
        return LogLine(
            id=self._ids.new(at),
            at=at,
            level=level if level in SEVERITY else "info",
            task_id=attempt.task_id,
            key=attempt.key,
            token=attempt.token,
            message=covered(self._cover(message)[:MESSAGE_CHARACTERS]),
            fields=self._fields(fields),
            engine=self._engine(),
            agent_id=agent_id,
        )

    def _fields(self, fields: Mapping[str, Json]) -> str:
        """The fields as JSON with every secret covered; where that leaves no JSON, nothing of them."""
        text = _as_text(fields)
        hidden = self._cover(text)
        if hidden == text:
            return text
        try:
            msgspec.json.decode(hidden)
        except msgspec.DecodeError:
            return msgspec.json.encode({"left_out": "they hold a secret"}).decode()
        return hidden

    def _add(self, line: LogLine) -> None:
        if len(self._waiting) >= CROWDED:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(line)
        self._later(SECONDS)

    def _later(self, seconds: float) -> None:
        if self._alarm is None and not self._closed:
            self._alarm = self._clock.call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._quiet()
        if self._writing:
            self._later(SECONDS)
        else:
            self._beside.start(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write()
            await self._shorten()
        except EngineError as error:
            _log.info("the log waits for the graph", lines=len(self._waiting), reason=str(error))
            self._later(AGAIN_SECONDS)

    async def _write(self) -> None:
        """Writes one batch; it stays where it is until it is written."""
        batch = list(islice(self._waiting, BATCH))
        self._writing = True
        try:
            await self._graph.put_log(batch)
        finally:
            self._writing = False
        for line in batch:
            if self._waiting and self._waiting[0].id == line.id:  # unless it was dropped meanwhile
                self._waiting.popleft()
        self._fresh += len(batch)

    async def _shorten(self) -> None:
        """Removes what is too old or too much, when much is new or a while has passed."""
        now = self._clock.now()
        if self._fresh < max(1, self._rows // 20) and now - self._looked < LOOK_MS:
            return
        self._fresh, self._looked = 0, now
        oldest = first_ulid(now - round(self._days * _DAY_MS))
        while await self._graph.sweep_log(oldest, SWEEP_BATCH) == SWEEP_BATCH:
            pass
        beyond = await self._graph.log_length() - self._rows
        while beyond > 0:  # in batches, and counted once: a line too many until the next look does no harm
            await self._graph.shorten_log(min(beyond, SWEEP_BATCH))
            beyond -= SWEEP_BATCH

    def _quiet(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


def covered(text: str) -> str:
    """A text, or in its place what kind of secret it seems to hold."""
    kind = secret_in(text)
    return text if kind is None else f"(left out: it seems to hold {kind})"


def _as_text(fields: Mapping[str, Json]) -> str:
    """The fields as JSON; what is no JSON as its text, and what is too long left out."""
    try:
        text = msgspec.json.encode(dict(fields), enc_hook=str, order="deterministic").decode()
    except (TypeError, ValueError):
        text = msgspec.json.encode({name: str(value) for name, value in fields.items()}).decode()
    if len(text) > FIELDS_BYTES:
        return msgspec.json.encode({"left_out": f"fields of {len(text):,} characters"}).decode()
    kind = secret_in(text)
    return text if kind is None else msgspec.json.encode({"left_out": f"they seem to hold {kind}"}).decode()
