"""``agent03 undo``: puts back the files that a task's file tools replaced or deleted. Needs no server and no graph."""

from __future__ import annotations

from api.cli.exits import FAILED, USAGE, Stop
from api.wiring import undo_log
from engine.errors import ToolError
from engine.settings import Settings


def put_back(settings: Settings, task_id: str, *, dry_run: bool) -> list[str]:
    """Puts every file back to what it was before the task; returns their paths.

    Args:
        settings: where previous files are kept, and below which roots files may be put back.
        task_id: the task; it should have ended, or it may change them again.
        dry_run: only says which they would be.

    Raises:
        Stop: nothing of that task is kept here, or a file cannot be put back.
    """
    log = undo_log(settings)
    try:
        paths = log.changed(task_id)
        if not paths:
            raise Stop(
                f"no file of task {task_id} is kept in {log.folder}: it changed none, or ran with another DATA_PATH",
                FAILED,
            )
        return paths if dry_run else log.restore(task_id)
    except ValueError as error:
        raise Stop(str(error), USAGE) from None
    except ToolError as error:
        raise Stop(f"{error}. {error.suggestion} What was put back before it stays so", FAILED) from None
    except OSError as error:
        raise Stop(
            f"{error.filename or log.folder}: {error.strerror}; mend that and repeat the command", FAILED
        ) from None
