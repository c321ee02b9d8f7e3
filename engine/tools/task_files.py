"""The folder of a task below the first of FILE_ROOTS: what callers outside the task read and write there.

A path is judged as those of the file tools are, with that folder as the only root, so nothing beside it is reached: not
by ``..``, not by an absolute path, not by a link. What is written counts as a change of the task: a rollback and
``agent03 undo`` put it back.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, cast

from engine.errors import Fault, InvalidInput, ToolError
from engine.toolport import RunContext
from engine.tools.base import InputFault, M, ModelTool
from engine.tools.read_file import ReadFile, ReadFileInput
from engine.tools.roots import Roots
from engine.tools.undo import UndoLog
from engine.tools.write_file import WriteFile, WriteFileInput


class _Outside(NamedTuple):
    """What the file tools ask of a context, for a caller that is no attempt."""

    task_id: str
    subtask_id: str = ""


class TaskFiles:
    """Files of tasks; whoever calls has made sure that there is such a task.

    Args:
        roots: the folders of FILE_ROOTS.
        undo: keeps what is replaced.
        grace: seconds that a write gets to end when nobody waits for it any more.
    """

    def __init__(self, roots: Roots, undo: UndoLog, grace: float) -> None:
        self._roots, self._undo, self._grace = roots, undo, grace

    async def read(self, task_id: str, value: ReadFileInput) -> dict[str, Any]:
        """A file as ``{"path", "content", "encoding", "bytes"}``; raises ``InvalidInput``."""
        return await self._done(ReadFile(self._folder(task_id), self._grace), value, task_id)

    async def write(self, task_id: str, value: WriteFileInput) -> dict[str, Any]:
        """Writes a file: ``{"path", "bytes", "sha256", "created"}``; raises ``InvalidInput``."""
        return await self._done(WriteFile(self._folder(task_id), self._undo, self._grace), value, task_id)

    async def _done(self, tool: ModelTool[M], value: M, task_id: str) -> dict[str, Any]:
        try:
            tool.examine(value)
            done = await tool.perform(value, cast(RunContext, _Outside(task_id)))
        except InputFault as fault:
            raise InvalidInput([Fault(f"/{'/'.join(map(str, fault.path))}", str(fault))]) from None
        except ToolError as error:
            raise InvalidInput([Fault("/path", f"{error}. {error.suggestion}".rstrip(" "))]) from None
        return cast(dict[str, Any], done)

    def _folder(self, task_id: str) -> Roots:
        """The task's folder as a root of its own. A link in its place would lead anywhere, so it is refused."""
        first = self._roots.folders[:1]
        if not first:
            raise InvalidInput([Fault("/path", "there is no folder for files: set FILE_ROOTS")])
        folder = Path(os.path.realpath(first[0])) / task_id
        if folder.is_symlink():
            raise InvalidInput([Fault("/path", f"the folder of task {task_id} is a symbolic link: remove that first")])
        return Roots([str(folder)])
