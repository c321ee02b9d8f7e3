"""The Standard Task Graph Set: random graphs with known shortest schedules on identical processors."""

from __future__ import annotations

import csv
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "stg"


@dataclass(frozen=True)
class Graph:
    """A graph by index: seconds of each node, and what each waits for."""

    durations: list[float]
    dependencies: list[list[int]]


@dataclass(frozen=True)
class Case:
    """A graph on so many processors, and the makespan that was proven to be the shortest."""

    name: str
    graph: Graph
    slots: int
    optimum: int


@cache
def cases(folder: Path = FOLDER) -> list[Case]:
    """Every case of 50 and 100 nodes whose optimum is known."""
    graphs = _graphs(folder / "stg_50_100_all360.tar.gz")
    with (folder / "optimal_all_50_100.csv").open(encoding="ascii", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["published_lb"] == row["published_ub"]]
    return [Case(row["file"], graphs[row["file"]], int(row["p"]), int(row["published_lb"])) for row in rows]


def _graphs(archive: Path) -> dict[str, Graph]:
    """By name as the list of optima has it: ``rnd50/rand0000.stg``."""
    found = {}
    with tarfile.open(archive) as files:
        for member in files:
            if member.isfile() and (stream := files.extractfile(member)) is not None:
                found["rnd" + "/".join(member.name.split("/")[-2:])] = _graph(stream.read().decode("latin-1"))
    return found


def _graph(text: str) -> Graph:
    """First line: how many; then one line per node: number, seconds, how many it waits for, which ones."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = [[int(word) for word in line] for line in lines[1:]]
    index = {row[0]: position for position, row in enumerate(rows)}
    return Graph([float(row[1]) for row in rows], [[index[node] for node in row[3 : 3 + row[2]]] for row in rows])
