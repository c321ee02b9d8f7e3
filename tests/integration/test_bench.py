"""The benchmark itself, at small sizes: every scenario gives sane figures on both graphs."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from tests.bench.debian import FILE
from tests.bench.effort import Effort
from tests.bench.peers import compare
from tests.bench.peers.places import PEERS
from tests.bench.plans import lanes
from tests.bench.raw import raw
from tests.bench.scenarios import SCENARIOS
from tests.bench.stage import Stage
from tests.support.graphs import KINDS, execute

pytestmark = pytest.mark.timeout(300)

QUICK = Effort(rounds=1, quick=True)
EXPECTED = {
    "rates": 12,
    "shapes": 5,
    "linked": 6,
    "stored": 5,
    "recall": 1,
    "remembering": 3,
    "routing": 5,
    "debian": 5 if FILE.exists() else 1,
    "moments": 4,
    "peers": 3,
}


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    """A stage on each graph."""
    server = request.getfixturevalue("neo4j_server") if request.param == "neo4j" else None
    return Stage(request.param, tmp_path, server)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_scenario_gives_a_sane_number_for_every_figure(stage: Stage, name: str) -> None:
    figures = await SCENARIOS[name](stage, QUICK)

    assert len(figures) == len({figure.what for figure in figures}) == EXPECTED[name]
    assert {(figure.scenario, figure.graph) for figure in figures} == {(name, stage.kind)}
    for figure in figures:
        assert figure.note or len(figure.values) == 1, figure
        assert all(math.isfinite(value) and 0 < value < 1e6 for value in figure.values), figure
    assert not stage.folder.exists() or not list(stage.folder.glob("bench-*")), "what was measured is removed"


async def test_the_raw_loop_leaves_a_graph_in_order(stage: Stage) -> None:
    """It sends the statement itself, so what it sends must be what the store would send."""
    async with stage.hand() as hand:
        sample = await raw(hand, lanes(3, 4), 3)

        assert (sample.settled, len(sample.turns)) == (12, 4)
        assert {name: rows for name, rows in (await hand.graph.invariants()).items() if rows} == {}
        attempts = await execute(
            hand.graph,
            "MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt) "
            "WHERE s.namespace = $n RETURN s.status AS status, a.outcome AS outcome, "
            "a.output AS output",
            n=hand.namespace,
        )
        assert attempts == [{"status": "completed", "outcome": "completed", "output": "null"}] * 12


def test_a_peer_that_does_not_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """This environment has none of them, so each script ends at its import."""
    monkeypatch.setattr(compare, "python", lambda peer: Path(sys.executable))
    monkeypatch.setattr(compare, "trouble", lambda peer: Path("/nowhere"))

    figures = compare.theirs([], QUICK)

    assert [figure.graph for figure in figures] == list(PEERS)
    assert all("did not run: ModuleNotFoundError" in figure.note for figure in figures)
