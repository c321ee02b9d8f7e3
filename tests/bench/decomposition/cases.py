"""The benchmark sets as cases of one form: a goal, steps in words, and the gold edges between them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.planning.ordering import Step
from tests.bench.decomposition.metrics import Edge, graph

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "decomposition"
_INEXACT = {"asynchow-async-829", "asynchow-async-1113"}
"""Their gold optimum differs from their longest path."""


_NUMBERED = re.compile(r"^Step \d+:? (?:Call \S+ to )?")
"""How the steps of some sets begin; what follows is the step in words."""


@dataclass(frozen=True)
class Case:
    """One request. ``edges`` are pairs of indexes into ``steps``; ``durations`` seconds per step, or None."""

    id: str
    goal: str
    steps: list[Step]
    edges: frozenset[Edge]
    durations: tuple[float, ...] | None = None


def cases(name: str, limit: int | None = None) -> list[Case]:
    """The cases of a set, at most ``limit``; those whose gold is no acyclic graph are left out."""
    found: list[Case] = []
    for case in SETS[name]():
        if limit is not None and len(found) == limit:
            break
        if case.steps and graph(len(case.steps), case.edges) is not None:
            found.append(case)
    return found


def _lines(file: str) -> Iterator[dict[str, Any]]:
    data = (FOLDER / file).read_bytes()
    for line in (gzip.decompress(data) if file.endswith(".gz") else data).splitlines():
        yield json.loads(line)


def _asynchow(split: str) -> Iterator[Case]:
    for row in _lines("asynchow.jsonl.gz"):
        if row["split"] == split and row["id"] not in _INEXACT:
            edges = frozenset((start - 1, end - 1) for start, end in row["edges"])
            times = tuple((low + high) / 2 for low, high in row["dur_s"])
            yield Case(row["id"], row["task"], _plain(row["steps"]), edges, times)


def _worfbench(name: str) -> Iterator[Case]:
    for row in _lines(f"worfbench_{name}.jsonl.gz"):
        if "gold_nodes" not in row:
            continue
        inner = ((start, end) for start, end in row["gold_edges"] if start != "START" and end != "END")
        edges = frozenset((int(start) - 1, int(end) - 1) for start, end in inner)
        goal = row["user"].split("\n")[0].removeprefix("Now it's your turn.").strip().removeprefix("Task: ")
        yield Case(row["id"], goal, _plain(row["gold_nodes"]), edges)


def _nestools() -> Iterator[Case]:
    """A step is a call in the words of its schema; the arguments, which name earlier outputs, are left out."""
    for row in _lines("nestools_test.jsonl.gz"):
        known = {api["api_name"]: api for api in row["api"]}
        steps = [_call(known.get(call["api_name"]), call["api_name"]) for call in row["call"]]
        edges = frozenset((start, end) for start, end in row["derived_edges"])
        yield Case(str(row["test_id"]), row["task"], steps, edges)


def _call(api: Mapping[str, Any] | None, name: str) -> Step:
    if api is None:
        return Step(name.replace("_", " "))
    described = [
        tuple(f"{key} {value.get('description', '')}" for key, value in api[part].items())
        for part in ("parameters", "responses")
    ]
    return Step(api["api_description"], *described)


def _plain(texts: Iterable[str]) -> list[Step]:
    return [Step(text) for text in texts]


def _linked(file: str) -> Iterator[Case]:
    """Sets whose links name tools; a tool that is called twice cannot be told apart, so such a row is left out."""
    for row in _lines(file):
        names = [node["task"] for node in row["task_nodes"]]
        if len(set(names)) < len(names) or len(row["task_steps"]) != len(names):
            continue
        edges = frozenset((names.index(link["source"]), names.index(link["target"])) for link in row["task_links"])
        yield Case(
            str(row["id"]), row["user_request"], _plain(_NUMBERED.sub("", step) for step in row["task_steps"]), edges
        )


def _taskbench() -> Iterator[Case]:
    for row in _lines("taskbench_gold_examples8.jsonl"):
        names = row["gold_nodes"]
        edges = frozenset((names.index(link["source"]), names.index(link["target"])) for link in row["gold_links"])
        yield Case(row["id"], row["user_request"], _plain(names), edges)


SETS: dict[str, Callable[[], Iterator[Case]]] = {
    "asynchow-async": lambda: _asynchow("async"),
    "asynchow-para": lambda: _asynchow("para"),
    "asynchow-seq": lambda: _asynchow("seq"),
    "worfbench-wikihow": lambda: _worfbench("wikihow"),
    "worfbench-toolbench": lambda: _worfbench("toolbench"),
    "worfbench-toolalpaca": lambda: _worfbench("toolalpaca"),
    "worfbench-seal-tools": lambda: _worfbench("seal_tools"),
    "worfbench-lumos": lambda: _worfbench("lumos"),
    "worfbench-sql": lambda: _worfbench("intercodesql"),
    "nestools": _nestools,
    "ultratool": lambda: _linked("ultratool_test.jsonl.gz"),
    "tmdb": lambda: _linked("tmdb.jsonl.gz"),
    "taskbench-examples": _taskbench,
}
"""By name: what reads the set."""
