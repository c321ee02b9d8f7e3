"""Who has been sent something already, kept per subtask, so that a repeat leaves them out.

A line per recipient, durable before the attempt ends. It lies beside what the file tools keep of the task, and goes
with it.
"""

from __future__ import annotations

import os
from pathlib import Path


class SentLog:
    """The recipients that a server has accepted a subtask's message for.

    Args:
        folder: has one folder per task; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sent(self, task_id: str, subtask_id: str) -> list[str]:
        """To whom it went, in that order."""
        try:
            return self._file(task_id, subtask_id).read_text().splitlines()
        except FileNotFoundError:
            return []

    def add(self, task_id: str, subtask_id: str, recipients: list[str]) -> None:
        """It went to these too. Durable when it returns; raises ``OSError``."""
        file = self._file(task_id, subtask_id)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, "".join(f"{recipient}\n" for recipient in recipients).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _file(self, task_id: str, subtask_id: str) -> Path:
        return self._folder / task_id / f"sent-{subtask_id}"
