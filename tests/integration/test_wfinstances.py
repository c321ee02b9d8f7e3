"""Recorded workflows of other systems (WfFormat 1.5) run to their end through the REST API, on both graphs.

The recorded run times are scaled down to ``sleep`` so that each takes about a second on 64 slots. The largest six,
three quarters of all subtasks, run in ``make chaos`` only.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import networkx as nx
import pytest

from api.app import create_app
from api.metrics import Metrics
from engine.model import Event, Json
from tests.support.engines import Lab, moves
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "wfinstances" / "core"
SLOTS = 64
SECONDS = 1.0
"""What the longest path of an instance, and its work on all slots, are scaled down to."""
PAGE = 1_000

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the recorded workflows are not here: {FOLDER} is missing"),
    pytest.mark.timeout(180),
]


@dataclass(frozen=True)
class Instance:
    """A recorded workflow: edges go from a task to what waits for it, ``run`` are seconds."""

    name: str
    graph: nx.DiGraph[str]

    @staticmethod
    def read(path: Path) -> Instance:
        """The workflow in a file."""
        with gzip.open(path, "rt", encoding="utf-8") as file:
            workflow = json.load(file)["workflow"]
        seconds = {task["id"]: task.get("runtimeInSeconds") for task in workflow["execution"]["tasks"]}
        graph: nx.DiGraph[str] = nx.DiGraph()
        for task in workflow["specification"]["tasks"]:
            graph.add_node(task["id"], run=float(seconds.get(task["id"]) or 0.0))
        for task in workflow["specification"]["tasks"]:
            graph.add_edges_from((parent, task["id"]) for parent in task["parents"])
            graph.add_edges_from((task["id"], child) for child in task["children"])
        return Instance(path.name.removesuffix(".json.gz"), graph)

    @property
    def longest(self) -> float:
        """Seconds of the heaviest path."""
        ends: dict[str, float] = {}
        for key in nx.topological_sort(self.graph):
            before = max((ends[parent] for parent in self.graph.predecessors(key)), default=0.0)
            ends[key] = before + self.graph.nodes[key]["run"]
        return max(ends.values())

    def body(self) -> Body:
        """The workflow as a plan of sleeps."""
        work = sum(seconds for _, seconds in self.graph.nodes(data="run"))
        scale = SECONDS / max(self.longest, work / SLOTS)
        steps = [
            step(key, *self.graph.predecessors(key), type="sleep", input={"seconds": round(seconds * scale, 6)})
            for key, seconds in self.graph.nodes(data="run")
        ]
        return plan(*steps, name=self.name)


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    """Every recorded workflow."""
    return [Instance.read(path) for path in sorted(FOLDER.glob("*.json.gz"))]


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the REST API of an engine with 64 slots."""
    engine = await lab.start(max_parallel_tasks=SLOTS)
    app = create_app(engine, engine.settings, Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://engine") as made:
        yield made


async def _get(client: httpx2.AsyncClient, path: str, **query: Json) -> dict[str, Any]:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()  # type: ignore[no-any-return]


async def _submitted(client: httpx2.AsyncClient, instance: Instance) -> str:
    response = await client.post("/tasks", json=instance.body())
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["subtasks_count"] == len(instance.graph)
    assert answer["initial_subtasks_queued"] == sum(degree == 0 for _, degree in instance.graph.in_degree())
    return str(answer["task_id"])


async def _subtasks(client: httpx2.AsyncClient, task_id: str) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    query: dict[str, Json] = {"limit": PAGE}
    while True:
        page = await _get(client, f"/tasks/{task_id}/subtasks", **query)
        rows |= {row["key"]: row for row in page["subtask_results"]}
        if page["next_cursor"] is None:
            return rows
        query["cursor"] = page["next_cursor"]


async def _events(client: httpx2.AsyncClient, task_id: str) -> list[Event]:
    found: list[Event] = []
    while page := (await _get(client, f"/tasks/{task_id}/events", after=len(found), limit=PAGE))["events"]:
        found += [Event(task_id, row["seq"], 0, row["key"] or "", row["status"], row["token"] or 0) for row in page]
    return found


async def _check(client: httpx2.AsyncClient, task_id: str, instance: Instance) -> None:
    """Every subtask completed once, none before its dependencies; the stored graph is the file's."""
    rows = await _subtasks(client, task_id)
    assert set(rows) == set(instance.graph)
    assert {(row["status"], row["attempts"]) for row in rows.values()} == {("completed", 1)}
    early = [
        (one, other) for one, other in instance.graph.edges if rows[other]["started_at"] < rows[one]["completed_at"]
    ]
    assert early == []

    events = await _events(client, task_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    started, ended = moves(events, "processing"), moves(events, "completed")
    assert set(started) == set(ended) == set(instance.graph)
    assert [(one, other) for one, other in instance.graph.edges if started[other] < ended[one]] == []

    drawn = await _get(client, f"/tasks/{task_id}/graph")
    assert {node["key"] for node in drawn["nodes"]} == set(instance.graph)
    assert {(one, other) for one, other in drawn["edges"]} == set(instance.graph.edges)
    assert len(drawn["edges"]) == instance.graph.number_of_edges()


@pytest.mark.parametrize(
    ("most", "count", "total"), [(700, 11, 3_063), pytest.param(10_000, 17, 11_625, marks=pytest.mark.long)]
)
async def test_every_recorded_workflow_runs_to_its_end(
    lab: Lab, client: httpx2.AsyncClient, instances: list[Instance], most: int, count: int, total: int
) -> None:
    instances = [instance for instance in instances if len(instance.graph) <= most]
    assert len(instances) == count
    ids = {instance.name: await _submitted(client, instance) for instance in instances}

    async def all_final() -> bool:
        await asyncio.sleep(0.2)
        page = await _get(client, "/tasks", limit=100)
        assert {task["status"] for task in page["tasks"]} <= {"pending", "processing", "completed"}
        return all(task["status"] == "completed" for task in page["tasks"])

    await eventually(all_final, 120)

    for instance in instances:
        await _check(client, ids[instance.name], instance)
    sizes = (await lab.engines[0].doctor())["sizes"]
    assert sizes["Subtask"] == sizes["HAS_SUBTASK"] == sum(len(instance.graph) for instance in instances) == total
    assert sizes["DEPENDS_ON"] == sum(instance.graph.number_of_edges() for instance in instances)
    assert (sizes["Task"], sizes["Attempt"]) == (count, total)
