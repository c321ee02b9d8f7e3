"""What has to be measured in a process of its own: how a stage is handed to it, and how it is asked."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import structlog

from tests.bench.stage import Stage
from tests.support.services import Neo4jService
from tests.support.transcripts import REPOSITORY

Place = tuple[Path, str]


def tell(stage: Stage, place: Place) -> str:
    """A stage and a place on it, as an argument of another process."""
    server = stage.server
    login = None if server is None else [server.url, server.user, server.password, server.source]
    return json.dumps([stage.kind, str(stage.folder), login, str(place[0]), place[1]])


def arrive(told: str) -> tuple[Stage, Place]:
    """The same, inside that process, which logs nothing below an error."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    kind, folder, login, data_path, namespace = json.loads(told)
    server = None if login is None else Neo4jService(*login)
    return Stage(kind, Path(folder), server), (Path(data_path), namespace)


async def begin(module: str, stage: Stage, place: Place, *words: str) -> asyncio.subprocess.Process:
    """Starts ``python -m MODULE PLACE WORDS``; what it says comes through its ``stdout``."""
    command = [sys.executable, "-m", module, tell(stage, place), *words]
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY)
