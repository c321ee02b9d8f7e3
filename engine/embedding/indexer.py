"""Takes outputs and files down for the search: in batches beside the loop, bounded in number and in time.

What a subtask has made is looked at within seconds, a hundred outputs a second at most, so that a flood of small
subtasks costs the loop nothing: where more wait than are kept waiting, the oldest are left out and counted. Files are
those of a task's own folder; they are looked at whenever a subtask of the task has ended or somebody has written one.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import structlog

from engine.beside import Beside
from engine.embedding.passages import READ, pieces, text_of
from engine.embedding.port import Embedder
from engine.errors import EngineError
from engine.model import Json
from engine.passagestore import Kind, Passage, PassageStore
from engine.ports import Alarm, Clock
from engine.tools.secret_text import without_secrets
from engine.turn import TaskChanges

SECONDS = 1.0
"""Between two batches."""
A_SECOND = 200
"""Passages that are given vectors in a second, on average: some tenth of a processor at most."""
AT_ONCE = 25
"""Texts that are handed to the embedder together."""
AGAIN_SECONDS = 10.0
"""After a batch that failed."""
BATCH = 100
CROWDED = 10_000
"""Outputs that may wait."""
MOST_FILES = 200
"""Files of one task."""
OUTPUT_BYTES = 64 * 1024
"""A larger output is left out: to read it would cost the loop more than it may."""
FILE_BYTES = 1024 * 1024
"""A larger file is left out."""
KNOWN = 10_000
"""Files whose time and size are remembered."""
SWEEP = 1_000
COMPLETED = "completed"
_log = structlog.get_logger("embedding")


class _Text(NamedTuple):
    """One text that was found, and what it belongs to."""

    task_id: str
    kind: Kind
    name: str
    text: str


class Indexer:
    """The passages of one engine's tasks.

    Args:
        graph: keeps them.
        outputs: the outputs of completed subtasks by id, those left out that are larger than so many characters.
        embedder: gives them their vectors.
        clock: when to look.
        folder: the folder of a task; None where there are none.
        cover: covers the secrets of this engine in a text.
        rows: how many passages of the namespace are kept; 0 keeps none.
    """

    def __init__(
        self,
        graph: PassageStore,
        outputs: Callable[[Sequence[str], int], Awaitable[dict[str, Json]]],
        embedder: Embedder,
        clock: Clock,
        folder: Callable[[str], Path | None],
        cover: Callable[[str], str],
        rows: int,
    ) -> None:
        self._graph, self._outputs, self.embedder, self._clock = graph, outputs, embedder, clock
        self._folder, self._cover, self._rows = folder, cover, rows
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._looked_at: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._folders: dict[str, None] = {}
        self._beside = Beside(lambda error: _log.error("passages are not taken down", exc_info=error))
        self._alarm: Alarm | None = None
        self._busy = self._closed = False
        self._fresh = 0
        self.dropped = 0
        """Outputs that found no room."""

    @property
    def on(self) -> bool:
        """Whether anything is taken down."""
        return self._rows > 0

    @property
    def waiting(self) -> int:
        """Outputs and folders that are still to be looked at."""
        return len(self._waiting) + len(self._folders)

    def heard(self, changes: TaskChanges) -> None:
        """What has been committed; quick, for the loop waits."""
        if not self._rows or self._closed:
            return
        done = [change for change in changes.changes if change.status == COMPLETED and change.key]
        if not done:
            return
        self._waiting.extend((changes.task_id, change.key, change.id) for change in done)
        while len(self._waiting) > CROWDED:
            self._waiting.popleft()
            self.dropped += 1
        self._later(SECONDS)

    def wrote(self, task_id: str) -> None:
        """A file of a task was written by somebody outside of it."""
        if self._rows and not self._closed and len(self._folders) < CROWDED:
            self._folders[task_id] = None
            self._later(SECONDS)

    async def stop(self) -> None:
        """Takes nothing more down."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        await self._beside.end()

    def _later(self, seconds: float) -> None:
        if self._alarm is None and not self._closed and not self._busy:
            self._alarm = self._clock.call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._alarm = None
        self._busy = True
        self._beside.start(self._work())

    async def _work(self) -> None:
        seconds = SECONDS
        try:
            seconds = max(SECONDS, await self._take_down() / A_SECOND)
        except EngineError as error:
            _log.info("passages wait", waiting=self.waiting, reason=str(error))
            seconds = AGAIN_SECONDS
        finally:
            self._busy = False
            if self.waiting:
                self._later(seconds)

    async def _take_down(self) -> int:
        """One batch, which stays where it is until it is written; gives the number of its passages."""
        batch, folders = list(islice(self._waiting, BATCH)), list(islice(self._folders, BATCH))
        tasks = dict.fromkeys([*folders, *(task_id for task_id, _, _ in batch)])
        texts = await self._texts(batch)
        seen, files = await asyncio.to_thread(self._files, list(tasks))
        number = await self._keep([*texts, *files])
        for entry in batch:
            if self._waiting and self._waiting[0] == entry:  # unless it was dropped meanwhile
                self._waiting.popleft()
        for task_id in folders:
            self._folders.pop(task_id, None)
        self._looked_at |= seen
        while len(self._looked_at) > KNOWN:
            self._looked_at.popitem(last=False)
        return number

    async def _texts(self, batch: Sequence[tuple[str, str, str]]) -> list[_Text]:
        """The words of outputs that are not too large."""
        found = await self._outputs([id_ for _, _, id_ in batch], OUTPUT_BYTES)
        return [_Text(task_id, "result", key, text_of(found[id_])) for task_id, key, id_ in batch if id_ in found]

    def _files(self, tasks: Sequence[str]) -> tuple[dict[str, tuple[int, int]], list[_Text]]:
        """The files of these tasks that are new or have changed."""
        seen: dict[str, tuple[int, int]] = {}
        found: list[_Text] = []
        for task_id in tasks:
            folder = self._folder(task_id)
            for path in islice(_walk(folder) if folder is not None else (), MOST_FILES):
                stamp = _stamp(path)
                if stamp is None or self._looked_at.get(str(path)) == stamp:
                    continue
                seen[str(path)] = stamp
                text = _read(path)
                if text is not None and folder is not None:
                    found.append(_Text(task_id, "file", path.relative_to(folder).as_posix(), text))
        return seen, found

    async def _keep(self, texts: Sequence[_Text]) -> int:
        """Cuts texts, gives them their vectors, and writes them: so many passages."""
        cut = await asyncio.to_thread(self._cut, texts)
        now, name = self._clock.now(), self.embedder.name
        vectors: list[list[float]] = []
        for start in range(0, len(cut), AT_ONCE):
            vectors += await self.embedder.embed([piece for _, _, piece in cut[start : start + AT_ONCE]])
        passages = [
            Passage(found.task_id, found.kind, found.name, number, piece, now, name, vector)
            for (found, number, piece), vector in zip(cut, vectors, strict=True)
        ]
        again = {f"{found.task_id}/{found.kind}/{found.name}" for found in texts if found.kind == "file"}
        sources = sorted(again | {passage.source for passage in passages})
        if sources:
            await self._graph.put_passages(sources, passages)
            await self._shorten(len(passages))
        return len(passages)

    def _cut(self, texts: Sequence[_Text]) -> list[tuple[_Text, int, str]]:
        """The passages of texts, without secrets. It takes longer than the loop should wait."""
        return [(text, number, piece) for text in texts for number, piece in enumerate(pieces(self._clean(text.text)))]

    def _clean(self, text: str) -> str:
        return without_secrets(self._cover(text))

    async def _shorten(self, fresh: int) -> None:
        """Removes what is too much, now and then."""
        self._fresh += fresh
        if self._fresh < max(1, self._rows // 20):
            return
        self._fresh = 0
        beyond = await self._graph.passages_number() - self._rows
        while beyond > 0:
            await self._graph.shorten_passages(min(beyond, SWEEP))
            beyond -= SWEEP


def _walk(folder: Path) -> Iterable[Path]:
    """The files below a folder; no link is followed."""
    if folder.is_symlink():
        return
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(place) / name


def _stamp(path: Path) -> tuple[int, int] | None:
    """Time and size of a file that can be read; None of anything else."""
    try:
        found = path.lstat()
    except OSError:
        return None
    fits = stat.S_ISREG(found.st_mode) and found.st_size <= FILE_BYTES
    return (found.st_mtime_ns, found.st_size) if fits else None


def _read(path: Path) -> str | None:
    """The beginning of a text; None where it is none."""
    try:
        data = path.read_bytes()[: 4 * READ]
    except OSError:
        return None
    if b"\0" in data:
        return None
    return data.decode("utf-8", "ignore")[:READ]
