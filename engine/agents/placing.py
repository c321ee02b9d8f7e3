"""Where a tool call of an agent may point: into the folder of its task, and nowhere else. Pure.

A relative path begins at that folder, as it does for whoever works in it. What counts as a path is what the rules of
approval count: a text in a field that is called like one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from engine.approval.targets import paths_of
from engine.model import Json

FILE_TOOLS = frozenset({"read_file", "write_file", "list_files", "delete_file"})
"""Types that work somewhere even where they are given no path."""
FAR = frozenset({"http_request", "webhook"})
"""Types whose input names things of other systems: a path in it is none of ours."""


def placed(name: str, value: Json, task_id: str) -> Json:
    """The input of a type with its relative paths below the folder of the task."""
    if name in FAR or not isinstance(value, dict):
        return value
    return _placed({"path": ".", **value} if name in FILE_TOOLS else value, False, task_id)


def outside(name: str, value: Json, task_id: str, resolve: Callable[[str], str]) -> str | None:
    """The first path of a placed input that does not lie in the folder of the task; None when all do."""
    folder = resolve(task_id)
    for path in [] if name in FAR else paths_of(value):
        real = resolve(path)
        if real != folder and not real.startswith(folder.rstrip("/") + "/"):
            return path
    return None


def _placed(value: Json, is_path: bool, task_id: str) -> Json:
    if isinstance(value, dict):
        return {name: _placed(inner, is_path or _called_like_a_path(name), task_id) for name, inner in value.items()}
    if isinstance(value, list):
        return [_placed(inner, is_path, task_id) for inner in value]
    return _below(value, task_id) if is_path and isinstance(value, str) else value


def _called_like_a_path(name: str) -> bool:
    return bool(paths_of({name: "."}))


def _below(path: str, task_id: str) -> str:
    pure = PurePosixPath(path)
    return path if pure.is_absolute() or pure.parts[:1] == (task_id,) else f"{task_id}/{path}"
