"""Figures in the documents: what stands between two marks there is written from a run, never by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.table import MARKS, number
from tests.support.documents import README
from tests.support.transcripts import REPOSITORY

PERFORMANCE = REPOSITORY / "docs" / "performance.md"
GRAPHS = ("embedded", "neo4j")
TITLES = {
    "rates": "Throughput: the raw limit and the engine",
    "shapes": "Plans of different shapes",
    "stored": "Storing, and turns with much stored",
    "debian": "A real graph: Debian 12",
    "moments": "Single moments",
    "peers": "Beside other engines",
}
HEADLINES = (
    "raw turn, 10 in flight",
    "engine, 10 in flight",
    "engine / raw, 10 in flight",
    "raw turn, 50 in flight",
    "engine, 50 in flight",
    "engine / raw, 50 in flight",
    "chain of 200, per step",
    "turn, 300,000 / 1,000 stored",
    "1,000 independent noops, 10 in flight: ours / dbos",
)
"""What the README shows."""


def write(figures: Sequence[Figure], told: str) -> None:
    """Puts the figures of a run into both documents; ``told`` says how and where they were measured."""
    sections = [
        f"### {title}\n\n{table([figure for figure in figures if figure.scenario == name])}"
        for name, title in TITLES.items()
        if any(figure.scenario == name for figure in figures)
    ]
    put(PERFORMANCE, "\n\n".join([told, *sections]))
    chosen = [figure for what in HEADLINES for figure in figures if figure.what == what]
    put(README, f"{told}\n\n{table(chosen)}")


def put(document: Path, text: str) -> None:
    """Replaces what stands between the marks."""
    old = document.read_text("utf-8")
    new, count = re.subn(
        r"(?s)(<!-- figures -->\n).*(\n<!-- end -->)", lambda found: f"{found[1]}{text}{found[2]}", old
    )
    if count != 1:
        raise ValueError(f"{document} has no place for figures: it needs the marks <!-- figures --> and <!-- end -->")
    document.write_text(new, "utf-8")


def table(figures: Sequence[Figure]) -> str:
    """One line for what was measured on both graphs; a peer has one where it could not be measured."""
    ours = [figure for figure in figures if figure.graph in GRAPHS]
    lines = [
        _line(what, [figure for figure in ours if figure.what == what])
        for what in dict.fromkeys(figure.what for figure in ours)
    ]
    missing = [
        f"| {figure.graph} | {_cell(figure)} | | | |" for figure in figures if figure not in ours and not figure.values
    ]
    return "\n".join(["| | embedded | Neo4j | unit | aim |", "|---|---:|---:|---|---|", *lines, *missing])


def _line(what: str, figures: Sequence[Figure]) -> str:
    by_graph = {figure.graph: figure for figure in figures}
    cells = [_cell(by_graph.get(graph)) for graph in GRAPHS]
    aims = dict.fromkeys(figure.aim for figure in figures if figure.aim)
    notes = dict.fromkeys(figure.note for figure in figures if figure.note and figure.values)
    return f"| {what} | {' | '.join(cells)} | {' '.join((figures[0].unit, *notes))} | {', '.join(aims)} |"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if not figure.values:
        return figure.note.replace("|", "/")
    return f"{number(figure.median)}{MARKS[figure.reached]}"
