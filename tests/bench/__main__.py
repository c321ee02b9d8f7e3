"""``python -m tests.bench``: runs the scenarios on both graphs and prints one table."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.page import write
from tests.bench.peers.compare import theirs
from tests.bench.scenarios import SCENARIOS
from tests.bench.stage import Stage
from tests.bench.table import machine, show
from tests.support.graphs import KINDS
from tests.support.services import Neo4jService, Unavailable, neo4j_service


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="measurements per figure; 5, with --quick 1")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work, not how fast")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="a scenario; may be repeated")
    parser.add_argument("--graph", action="append", choices=KINDS, help="a graph; may be repeated")
    parser.add_argument("--write", action="store_true", help="writes the figures into the documents too")
    parser.add_argument("--json", type=Path, help="writes the figures to this file too")
    return parser.parse_args(words)


@contextmanager
def quiet() -> Iterator[None]:
    """Logs nothing below an error, as an engine with LOG_LEVEL=error."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


@contextmanager
def stages(kinds: Sequence[str]) -> Iterator[list[Stage | Figure]]:
    """A stage for each kind of graph, or the reason why there is none."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agent03-bench-")))
        found: list[Stage | Figure] = []
        for kind in kinds:
            try:
                server: Neo4jService | None = None
                if kind == "neo4j":
                    server = stack.enter_context(neo4j_service(folder / "neo4j", os.environ))
                found.append(Stage(kind, folder / kind, server))
            except Unavailable as reason:
                found.append(Figure("all", kind, "not measured", "", note=str(reason)))
        yield found


async def measure(names: Sequence[str], places: Sequence[Stage | Figure], effort: Effort) -> list[Figure]:
    """Every figure of the scenarios asked for."""
    figures = [place for place in places if isinstance(place, Figure)]
    for name, scenario in SCENARIOS.items():
        for place in places:
            if name in names and isinstance(place, Stage):
                print(f"{name} on {place.kind} ...", file=sys.stderr, flush=True)
                figures += await scenario(place, effort)
    return figures


def main(words: Sequence[str]) -> list[Figure]:
    """Measures and prints; returns the figures."""
    asked = options(words)
    effort = Effort(asked.rounds or (1 if asked.quick else 5), asked.quick)
    names = asked.only or list(SCENARIOS)
    before = machine()
    with quiet(), stages(asked.graph or KINDS) as places:
        figures = asyncio.run(measure(names, places, effort))
    if "peers" in names:
        figures += theirs([figure for figure in figures if figure.scenario == "peers"], effort)
    told = f"medians of {effort.rounds}; {before}"
    show(figures, told)
    if asked.write:
        write(figures, f"One run of `make bench`, {told}.")
    if asked.json:
        report = {"machine": before, "rounds": effort.rounds, "figures": [figure.as_json() for figure in figures]}
        asked.json.write_text(json.dumps(report, indent=1), "utf-8")
    return figures


if __name__ == "__main__":
    main(sys.argv[1:])
