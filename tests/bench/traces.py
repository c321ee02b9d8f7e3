"""Recorded runs of workflows of other systems (WfFormat 1.5): the same graphs five times each, with their durations."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import msgspec

from tests.support.transcripts import REPOSITORY

FOLDER = REPOSITORY.parent / "shared" / "data" / "wfinstances" / "repeats"
_SUFFIX = ".json.gz"
_NUMBER = re.compile(r"[_-](ID)?\d+$")


class Recorded(msgspec.Struct, frozen=True):
    """One task of a recorded run: ``bytes`` are its input files, ``parents`` the ids of what it waited for."""

    key: str
    type: str
    seconds: float
    bytes: int
    parents: tuple[str, ...]


Run = list[Recorded]


def repeats(folder: Path = FOLDER) -> dict[str, list[Run]]:
    """The runs by the name of their workflow, in the order of their numbers."""
    groups: dict[str, list[Run]] = {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        groups.setdefault(path.name.removesuffix(_SUFFIX).rpartition("-")[0], []).append(read(path))
    return groups


def read(path: Path) -> Run:
    """The tasks of one run."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        workflow = json.load(file)["workflow"]
    told = {task["id"]: task for task in workflow["execution"]["tasks"]}
    sizes = {file["id"]: file.get("sizeInBytes") or 0 for file in workflow["specification"].get("files", ())}
    return [
        Recorded(
            key=task["id"],
            type=_type(task, told.get(task["id"], {})),
            seconds=float(told.get(task["id"], {}).get("runtimeInSeconds") or 0.0),
            bytes=sum(sizes.get(file, 0) for file in task.get("inputFiles", ())),
            parents=tuple(task["parents"]),
        )
        for task in workflow["specification"]["tasks"]
    ]


def _type(task: dict[str, str], told: dict[str, dict[str, str]]) -> str:
    """Pegasus and Makeflow record a program of one word; Nextflow a script, so there the task's name says it."""
    program = (told.get("command") or {}).get("program") or ""
    if len(program.split()) == 1:
        return program.rpartition("/")[2]
    return _NUMBER.sub("", task.get("name") or task["id"])
