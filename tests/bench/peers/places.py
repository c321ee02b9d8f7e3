"""Where the peers live: ``.venv-bench/NAME``, one environment each, so that none can break another, or us."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.support.transcripts import REPOSITORY

FOLDER = REPOSITORY / ".venv-bench"
PEERS = ("dbos", "prefect", "ray", "dask")


def python(peer: str) -> Path:
    """The interpreter of a peer; it need not be there."""
    return FOLDER / peer / "bin" / "python"


def requirement(peer: str) -> str:
    """What pyproject.toml's extra ``bench`` asks for."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted: list[str] = project["optional-dependencies"]["bench"]
    return next(line for line in wanted if line.startswith(peer))


def trouble(peer: str) -> Path:
    """Why a peer could not be installed, in a file that is there only then."""
    return FOLDER / f"{peer}.txt"
