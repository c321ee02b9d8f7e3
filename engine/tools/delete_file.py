"""``delete_file``: removes one file below the roots and keeps it for undoing."""

from __future__ import annotations

import os
import stat

from engine.errors import ToolError
from engine.model import Json
from engine.toolport import RunContext, ToolHealth
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.file_errors import explained, no_file
from engine.tools.health import roots_health
from engine.tools.roots import Roots
from engine.tools.threads import in_thread
from engine.tools.undo import UndoLog


class DeleteFileInput(Input):
    """Which file."""

    path: str
    """Relative to the first of FILE_ROOTS, or absolute below one of them."""


class DeleteFile(ModelTool[DeleteFileInput]):
    """Deletes a file; its output is ``{"path", "deleted"}``. A file that is not there is no error."""

    name = "delete_file"
    idempotent = True
    model = DeleteFileInput

    def __init__(self, roots: Roots, undo: UndoLog, grace: float) -> None:
        self._roots, self._undo, self._grace = roots, undo, grace

    def examine(self, value: DeleteFileInput) -> None:
        """Refuses a path that surely lies outside the roots."""
        if fault := self._roots.fault(value.path):
            raise InputFault(fault, "path")

    async def health_check(self) -> ToolHealth:
        """Whether the folders of FILE_ROOTS can be worked in."""
        return await roots_health(self._roots, write=True)

    async def perform(self, value: DeleteFileInput, context: RunContext) -> Json:
        """Deletes it in a thread."""
        task_id, subtask_id = context.task_id, context.subtask_id
        return await in_thread(lambda: self._delete(value.path, task_id, subtask_id), grace=self._grace)

    def _delete(self, path: str, task_id: str, subtask_id: str) -> Json:
        try:
            with explained(path), self._roots.open(path, follow=False) as place:
                found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
                if not stat.S_ISREG(found.st_mode):
                    raise no_file(path, "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file")
                with self._undo.changing(task_id):
                    self._undo.keep(task_id, subtask_id, place, exists=True)
                    os.unlink(place.name, dir_fd=place.folder)
                    os.fsync(place.folder)
        except ToolError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return {"path": path, "deleted": False}
            raise
        return {"path": path, "deleted": True}
