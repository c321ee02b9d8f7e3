"""A real Ray cluster of two nodes: where calls go, and that nothing is lost or settled twice when parts of it die."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.model import Json
from engine.service import Engine
from engine.states import SubtaskStatus, TaskStatus
from tests.integration.test_wfinstances import FOLDER, Instance
from tests.support.engines import Lab, check_story, finished, outputs, run, story, subtasks
from tests.support.executing import HAS_RAY, MODULE, WITHOUT_RAY, alive, gone
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

if HAS_RAY:
    from tests.support.ray import ENVIRONMENT, RayCluster, ray_cluster

pytestmark = [pytest.mark.skipif(not HAS_RAY, reason=WITHOUT_RAY), pytest.mark.timeout(240)]


@pytest.fixture
def cluster() -> Iterator[RayCluster]:
    """Head and one more node, which alone has a browser and lies in Europe."""
    with pytest.MonkeyPatch.context() as patch, ray_cluster() as made:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        made.head(cpus=2)
        made.add(cpus=2, resources='{"browser": 1}', labels="eu=true")
        yield made


@pytest.fixture
async def lab(tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Lab]:
    """On the embedded graph; what is looked at here is not the graph."""
    made = Lab("embedded", tmp_path, namespace, template)
    yield made
    await made.close()


async def start(lab: Lab, cluster: RayCluster, nodes: int = 2, **fields: Json) -> Engine:
    engine = await lab.start(agent03_tools=[MODULE], executor="ray", ray_address=cluster.address, **fields)
    if nodes:
        await eventually(lambda: len(engine._carriers.ray.cluster.nodes) == nodes, 60)
    return engine


def stays(folder: Path, number: int, **fields: Json) -> list[Body]:
    return [step(f"s{n}", type="x_stay", input={"path": str(folder / f"s{n}")}, **fields) for n in range(number)]


async def attempts(engine: Engine, task_id: str, key: str) -> list[str]:
    _, found, *_ = await engine.subtask(task_id, key)
    return [one.outcome for one in found]


async def until(engine: Engine, task_id: str, key: str, wanted: SubtaskStatus) -> None:
    async def there() -> bool:
        return (await engine.subtask(task_id, key))[0].status is wanted

    await eventually(there, 30)


async def test_a_capability_is_a_resource_or_a_label_of_a_node_and_what_none_has_waits(
    lab: Lab, cluster: RayCluster
) -> None:
    engine = await start(lab, cluster)
    nodes = {node.id: node for node in engine._carriers.ray.cluster.nodes}
    (second,) = [id_ for id_, node in nodes.items() if "browser" in node.resources]
    body = plan(
        step("browser", type="x_echo", required_capabilities=["browser"]),
        step("label", type="x_echo", required_capabilities=["eu"]),
        step("both", type="x_echo", required_capabilities=["eu", "browser"]),
        step("any", type="x_echo"),
        step("laser", type="x_echo", required_capabilities=["laser"]),
    )
    task_id = (await engine.submit(body)).task_id
    await until(engine, task_id, "laser", SubtaskStatus.RETRYING)
    said = await engine.answers.why(task_id, "laser")
    assert [cause.code for cause in said.causes] == ["executor"]
    assert "no node of the Ray cluster has the resource laser" in said.words
    for key in ("browser", "label", "both", "any"):
        await until(engine, task_id, key, SubtaskStatus.COMPLETED)
    rows = await subtasks(engine, task_id)
    assert {rows[key].agent_id for key in ("browser", "label", "both")} == {f"ray:{second}"}
    assert rows["any"].agent_id.removeprefix("ray:") in nodes

    cluster.add(cpus=1, resources='{"laser": 1}')
    assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
    assert await attempts(engine, task_id, "laser") == ["postponed", "completed"]


async def test_a_cluster_that_is_not_there_is_said_and_costs_nothing(lab: Lab, tmp_path: Path) -> None:
    with ray_cluster() as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        engine = await start(lab, cluster, nodes=0)
        task_id = (await engine.submit(plan(step("a", type="x_echo", input={"value": 1})))).task_id
        await until(engine, task_id, "a", SubtaskStatus.RETRYING)

        async def told() -> bool:
            health = await engine.health()
            return health["status"] == "degraded" and "cannot be reached" in health["executors"]["ray"]["reason"]

        await eventually(told, 30)
        assert [cause.code for cause in (await engine.answers.why(task_id, "a")).causes] == ["executor"]
        cluster.head(cpus=1)
        assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
        assert (await engine.health())["executors"]["ray"]["ok"]
        assert set(await attempts(engine, task_id, "a")) == {"postponed", "completed"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ray_address": ""}, "set RAY_ADDRESS"),
        ({"ray_address": "ray://10.0.0.1:10001"}, "have a node of the cluster on this machine"),
    ],
)
async def test_an_address_that_never_works_stops_the_start(lab: Lab, fields: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        await lab.start(agent03_tools=[MODULE], executor="ray", **fields)


async def test_what_the_cluster_does_not_begin_in_time_is_taken_back(
    lab: Lab, cluster: RayCluster, tmp_path: Path
) -> None:
    engine = await start(lab, cluster, ray_parallel=8, ray_wait_seconds=1.5)
    task_id = (await engine.submit(plan(*stays(tmp_path, 5)))).task_id
    paths = [tmp_path / f"s{number}" for number in range(5)]
    await eventually(lambda: sum(path.exists() for path in paths) == 4, 30)
    (late,) = [path for path in paths if not path.exists()]
    await eventually(lambda: _postponed(engine, task_id, late.name), 30)
    for path in paths:
        Path(f"{path}.go").touch()
    assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
    found = await attempts(engine, task_id, late.name)
    assert (found[-1], set(found[:-1])) == ("completed", {"postponed"})


async def _postponed(engine: Engine, task_id: str, key: str) -> bool:
    return "postponed" in await attempts(engine, task_id, key)


async def test_cancelling_kills_the_work_within_a_second(lab: Lab, cluster: RayCluster, tmp_path: Path) -> None:
    engine = await start(lab, cluster)
    task_id = (await engine.submit(plan(*stays(tmp_path, 4)))).task_id
    paths = [tmp_path / f"s{number}" for number in range(4)]
    await eventually(lambda: all(path.exists() for path in paths), 30)
    pids = [int(path.read_text().split()[0]) for path in paths]
    begun = time.monotonic()
    await engine.cancel(task_id)
    await gone(*pids, seconds=1.0)
    assert time.monotonic() - begun < 1.5
    await finished(engine, task_id)


# --- what dies --------------------------------------------------------------------------------------------------------


def work(folder: Path, number: int = 60) -> Body:
    """Some waves of short calls, and a join."""
    steps = [step(f"a{n}", type="sleep", input={"seconds": 0.05, "output": n}) for n in range(number)]
    steps += [
        step(f"b{n}", f"a{n}", type="x_echo", input={"value": f"{{{{subtasks.a{n}.output}}}}"}) for n in range(number)
    ]
    return plan(*steps, step("end", *(f"b{n}" for n in range(number)), type="noop", input="{{previous_output}}"))


async def well(engine: Engine, task_id: str, number: int = 60) -> list[str]:
    """The task has completed, each subtask once; how its attempts ended, sorted."""
    task = await finished(engine, task_id, 120)
    rows = await subtasks(engine, task_id)
    quarantined = [key for key, row in rows.items() if row.status is SubtaskStatus.QUARANTINED]
    assert task.status is TaskStatus.COMPLETED, (task.counts, quarantined)
    end = await engine.output(rows["end"])
    assert {key: one["value"] for key, one in end.items()} == {f"b{n}": n for n in range(number)}
    events = await story(engine, task_id)
    edges = [(f"b{n}", f"a{n}") for n in range(number)] + [("end", f"b{n}") for n in range(number)]
    check_story(events, rows, edges)
    assert sum(event.event == "succeed" for event in events) == len(rows)
    return sorted([outcome for key in rows for outcome in await attempts(engine, task_id, key)])


async def some_are_done(engine: Engine, task_id: str, number: int) -> None:
    async def there() -> bool:
        return (await engine.task(task_id)).counts.get("completed", 0) >= number

    await eventually(there, 60)


async def test_kill_9_of_workers_loses_nothing(lab: Lab, cluster: RayCluster, tmp_path: Path) -> None:
    engine = await start(lab, cluster)
    task_id = (await engine.submit(work(tmp_path))).task_id
    for done in (10, 40, 70):
        await some_are_done(engine, task_id, done)
        for pid in (await asyncio.to_thread(cluster.workers))[:2]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert "completed" in await well(engine, task_id)


async def test_kill_9_of_a_node_loses_nothing(lab: Lab, cluster: RayCluster, tmp_path: Path) -> None:
    engine = await start(lab, cluster)
    task_id = (await engine.submit(plan(*stays(tmp_path, 4)))).task_id
    paths = [tmp_path / f"s{number}" for number in range(4)]
    await eventually(lambda: all(path.exists() for path in paths), 30)
    before = {path: int(path.read_text().split()[0]) for path in paths}
    for path in paths:
        path.unlink()
    await asyncio.to_thread(cluster.nodes[1].kill)
    lost = [path for path, pid in before.items() if not alive(pid)]
    assert len(lost) == 2
    for path in paths:
        Path(f"{path}.go").touch()
    assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
    for path in paths:
        found = await attempts(engine, task_id, path.name)
        assert found[-1] == "completed"
        assert ("interrupted" in found) == (path in lost)


async def test_the_loss_of_the_whole_cluster_is_an_interruption_and_a_new_one_goes_on(
    lab: Lab, cluster: RayCluster, tmp_path: Path
) -> None:
    engine = await start(lab, cluster, ray_timeout_seconds=5)
    task_id = (await engine.submit(work(tmp_path))).task_id
    await some_are_done(engine, task_id, 20)
    await asyncio.to_thread(cluster.kill)

    async def known() -> bool:
        return not (await engine.health())["executors"]["ray"]["ok"]

    await eventually(known, 30)
    assert (await engine.task(task_id)).status is TaskStatus.PROCESSING
    cluster.head(cpus=4)
    found = await well(engine, task_id)
    assert {"interrupted", "completed"} <= set(found)
    assert (await engine.health())["executors"]["ray"]["lost"] == 1


async def test_a_bridge_that_is_killed_takes_the_work_along_and_is_started_again(
    lab: Lab, cluster: RayCluster, tmp_path: Path
) -> None:
    engine = await start(lab, cluster)
    task_id = (await engine.submit(plan(*stays(tmp_path, 1)))).task_id
    path = tmp_path / "s0"
    await eventually(path.exists, 30)
    first = int(path.read_text().split()[0])
    path.unlink()
    link = engine._carriers.ray.cluster._link
    assert link is not None
    os.kill(link.pid, signal.SIGKILL)
    await eventually(path.exists, 60)
    assert int(path.read_text().split()[0]) != first
    await gone(first)
    Path(f"{path}.go").touch()
    assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
    found = await attempts(engine, task_id, "s0")
    assert [one for one in found if one != "postponed"] == ["interrupted", "completed"], "it waited for a new bridge"


# --- equal results ----------------------------------------------------------------------------------------------------


async def test_what_computes_gives_the_same_there_as_here(lab: Lab, cluster: RayCluster) -> None:
    engine = await start(lab, cluster, type_executors={"sleep": "asyncio"})
    rounds = [200_000 + 1_000 * number for number in range(12)]
    body = plan(*(step(f"k{n}", type="x_spin", input={"rounds": count}, cache=False) for n, count in enumerate(rounds)))
    there = await run(engine, body, 120)
    found = await outputs(engine, there.id)
    assert {row.agent_id[:4] for row in (await subtasks(engine, there.id)).values()} == {"ray:"}
    await lab.stop(engine)
    engine = await lab.start(agent03_tools=[MODULE])
    here = await run(engine, body, 120)
    assert await outputs(engine, here.id) == found


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the recorded workflows are not here: {FOLDER} is missing")
async def test_a_recorded_workflow_of_2122_subtasks_runs_there(lab: Lab, cluster: RayCluster) -> None:
    instances = [Instance.read(path) for path in sorted(FOLDER.glob("*.json.gz"))]
    (instance,) = [one for one in instances if len(one.graph) == 2_122]
    engine = await start(lab, cluster, ray_parallel=8, max_parallel_tasks=16)
    task_id = (await engine.submit(instance.body())).task_id
    task = await finished(engine, task_id, 200)
    assert task.status is TaskStatus.COMPLETED
    rows = await subtasks(engine, task_id)
    assert set(rows) == set(instance.graph)
    assert {row.status for row in rows.values()} == {SubtaskStatus.COMPLETED}
    assert len({row.agent_id for row in rows.values()}) == 2, "both nodes have worked"
    check_story(await story(engine, task_id), rows, [(child, parent) for parent, child in instance.graph.edges])
