"""Outputs are used again: after a restart with nothing but the graph, within what the plan allows, and never wrong."""

from __future__ import annotations

import asyncio

import pytest

from engine import service
from engine.model import Json
from engine.service import Engine
from engine.states import TaskStatus
from tests.support import cached_tools, engines
from tests.support.cached_tools import OPEN, RAN, STOPPED
from tests.support.engines import Lab, finished, outputs, run, story, subtasks
from tests.support.graphs import execute
from tests.support.plans import Body, plan, step
from tests.support.services import RedisProcess, eventually

SIZES = {"inline": 500, "result": 20_000, "blob": 50_000}


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """One engine, so nobody else is putting a blob."""
    monkeypatch.setattr(service, "BLOB_GRACE_SECONDS", 0.0)


@pytest.fixture
def name(lab: Lab) -> str:
    """Of what a test counts."""
    return lab.namespace


async def started(lab: Lab, **fields: Json) -> Engine:
    return await lab.start(agent03_tools=[engines.MODULE, cached_tools.MODULE], **fields)


def sure(key: str, name: str, *needs: str, **fields: Json) -> Body:
    """A subtask of deterministic work; ``name`` counts its runs."""
    return step(key, *needs, type="sure", input={"name": name, **fields})


def slow(name: str, key: str = "s") -> Body:
    return plan(step(key, type="sure_slow", input={"name": name, "value": 7}))


async def cached(engine: Engine, task_id: str) -> set[str]:
    """The keys of what was taken over."""
    return {key for key, row in (await subtasks(engine, task_id)).items() if row.cached}


def diamond(name: str, first: Json = 1) -> Body:
    """``a`` -> ``b``, ``c`` -> ``d``, and ``e`` alone."""
    return plan(
        sure("a", f"{name}-a", value=first),
        sure("b", f"{name}-b", value="{{subtasks.a.output}}"),
        sure("c", f"{name}-c", value=["c", "{{subtasks.a.output}}"]),
        sure("d", f"{name}-d", value=["{{subtasks.b.output}}", "{{subtasks.c.output}}"]),
        sure("e", f"{name}-e", value="alone"),
    )


async def test_after_a_restart_everything_comes_from_the_graph(lab: Lab, name: str) -> None:
    engine = await started(lab)
    large = [sure(key, f"{name}-{key}", size=size) for key, size in SIZES.items()]
    body = plan(*diamond(name)["plan"]["subtasks"], *large)
    first = await run(engine, body)
    assert await cached(engine, first.id) == set()
    made = await outputs(engine, first.id)
    await lab.stop(engine)

    again = await started(lab)
    second = await run(again, body)

    assert second.status is TaskStatus.COMPLETED
    assert await cached(again, second.id) == set(made)
    assert await outputs(again, second.id) == made
    assert {RAN[f"{name}-{key}"] for key in made} == {1}
    rows = await subtasks(again, second.id)
    assert {row.spent for row in rows.values()} == {0}
    told = {event.detail for event in await story(again, second.id) if event.key == "a" and event.event == "succeed"}
    origin = (await subtasks(again, first.id))["a"].id
    assert told == {f"cached from {origin}"}
    _, (attempt,), *_ = await again.subtask(second.id, "a")
    assert (attempt.outcome, attempt.origin) == ("cached", origin)
    assert attempt.cache_key.startswith("task:sure:")
    _, (maker,), *_ = await again.subtask(first.id, "a")
    assert attempt.effort.saved_seconds == pytest.approx((maker.finished_at - maker.started_at) / 1000, abs=0.5)
    saved = (await again.reports.report(second.id)).gathered.saved
    assert (saved.cached, saved.known, saved.cost) == (len(made), len(made), 0.0)
    efforts = [(await again.subtask(second.id, key))[1][0].effort for key in made]
    assert saved.seconds == pytest.approx(sum(effort.saved_seconds or 0.0 for effort in efforts))


async def test_one_input_changed_runs_its_cone_alone(lab: Lab, name: str) -> None:
    engine = await started(lab)
    await run(engine, diamond(name, 1))

    changed = await run(engine, diamond(name, 2))

    assert await cached(engine, changed.id) == {"e"}
    assert (await outputs(engine, changed.id))["d"] == [2, ["c", 2]]
    assert {key: RAN[f"{name}-{key}"] for key in "abcde"} == {"a": 2, "b": 2, "c": 2, "d": 2, "e": 1}


async def test_only_what_promises_it_or_asks_for_it_is_reused(lab: Lab, name: str) -> None:
    engine = await started(lab)

    def body(**common: Json) -> Body:
        return plan(
            step("no", type="unsure", input={"name": f"{name}-no"}),
            step("asks", type="unsure", input={"name": f"{name}-asks"}, cache={"ttl_seconds": 60.0}),
            step("refuses", type="sure", input={"name": f"{name}-refuses"}, cache=False),
            step("items", type="sure", input={"name": f"{name}-items", "value": "{{item}}"}, map={"over": [1, 1, 2]}),
            **common,
        )

    await run(engine, body())
    second = await run(engine, body())
    assert await cached(engine, second.id) == {"asks", "items[0]", "items[1]", "items[2]"}
    assert RAN[f"{name}-items"] == 2, "equal items of one task share a run too"

    third = await run(engine, body(cache=False))
    assert await cached(engine, third.id) == set()
    assert RAN[f"{name}-asks"] == 2
    await run(engine, body())
    assert RAN[f"{name}-asks"] == 2, "a task that takes no part leaves nothing either"


async def test_a_result_is_used_for_its_time_only(lab: Lab, name: str) -> None:
    engine = await started(lab)

    def body(seconds: float) -> Body:
        return plan(step("u", type="unsure", input={"name": name}, cache={"ttl_seconds": seconds}))

    await run(engine, body(0.05))
    await asyncio.to_thread(lambda: None)
    engine._reuse.lookups._clock = _Later(engine._clock, 100)
    second = await run(engine, body(0.05))

    assert await cached(engine, second.id) == set()
    assert RAN[name] == 2


class _Later:
    """A clock that is so many milliseconds ahead."""

    def __init__(self, clock: object, ahead: int) -> None:
        self._clock, self._ahead = clock, ahead

    def now(self) -> int:
        return int(self._clock.now()) + self._ahead  # type: ignore[attr-defined]


async def test_a_rerun_that_a_person_asks_for_runs(lab: Lab, name: str) -> None:
    engine = await started(lab)
    first = await run(engine, diamond(name))

    submitted = await engine.rerun(first.id, "b")
    again = await finished(engine, submitted.task_id)

    assert {key: RAN[f"{name}-{key}"] for key in "abcde"} == {"a": 1, "b": 2, "c": 1, "d": 2, "e": 1}
    assert await cached(engine, again.id) == {"a", "c", "e"}, "what the rerun took over"


async def test_what_is_gone_is_made_anew(lab: Lab, name: str) -> None:
    engine = await started(lab)
    body = plan(*(sure(key, f"{name}-{key}", size=size) for key, size in SIZES.items()))
    first = await run(engine, body)
    assert await engine.remove(first.id)
    await eventually(lambda: _removed(engine, first.id))
    engine.cache._shelf = type(engine.cache._shelf)()  # type: ignore[call-arg]

    second = await run(engine, body)
    third = await run(engine, body)

    assert await cached(engine, second.id) == {"inline"}
    assert await cached(engine, third.id) == set(SIZES)
    made = await outputs(engine, third.id)
    assert {key: len(text) + 2 for key, text in made.items()} == SIZES


async def _removed(engine: Engine, task_id: str) -> bool:
    return task_id not in await engine._graph.removals()


async def test_what_a_later_task_took_over_outlives_the_first(lab: Lab, name: str) -> None:
    engine = await started(lab)
    body = plan(*(sure(key, f"{name}-{key}", size=size) for key, size in SIZES.items()))
    first = await run(engine, body)
    second = await run(engine, body)
    assert await engine.remove(first.id)
    await eventually(lambda: _removed(engine, first.id))
    await lab.stop(engine)

    engine = await started(lab)
    made = await outputs(engine, second.id)
    assert {key: len(text) + 2 for key, text in made.items()} == SIZES


async def test_entries_damaged_by_hand_are_made_anew(lab: Lab, name: str) -> None:
    engine = await started(lab)
    body = plan(*(sure(key, f"{name}-{key}", value=key) for key in "abc"), sure("r", f"{name}-r", size=5_000))
    await run(engine, body)
    await lab.stop(engine)
    graph = lab.graph()
    await graph.open()
    for key, text in (("a", '"wrong"'), ("b", "{")):
        look = "MATCH (c:CacheEntry) WHERE c.namespace = $namespace AND c.output = $old SET c.output = $new"
        await execute(graph, look, namespace=name, old=f'"{key}"', new=text)
    body_of = "MATCH (r:Result) WHERE r.namespace = $namespace AND r.bytes = 5000 SET r.body = $new"
    await execute(graph, body_of, namespace=name, new='"wrong"')
    await graph.close()

    engine = await started(lab)
    second = await run(engine, body)

    assert await cached(engine, second.id) == {"c"}
    assert {key: RAN[f"{name}-{key}"] for key in "abcr"} == {"a": 2, "b": 2, "c": 1, "r": 2}
    found = await outputs(engine, second.id)
    assert {key: found[key] for key in "abc"} == {"a": "a", "b": "b", "c": "c"}


async def test_fifty_at_once_run_once_and_the_last_survives_the_others(lab: Lab, name: str) -> None:
    engine = await started(lab, max_parallel_tasks=64)
    ids = [(await engine.submit(slow(name))).task_id for _ in range(50)]

    async def all_run() -> bool:
        return engine.snapshot()["running"] == 50

    await eventually(all_run)
    assert RAN[name] == 1
    places = [(await engine.subtask(id_, "s"))[3].get("waiting_for") for id_ in ids]
    leader = ids[places.index(None)]
    assert [place for place in places if place is not None] == [{"task_id": leader, "key": "s"}] * 49

    last = next(id_ for id_ in reversed(ids) if id_ != leader)
    for id_ in ids:
        if id_ != last:
            await engine.cancel(id_)
    assert STOPPED[name] == 0
    OPEN[name].set()
    task = await finished(engine, last)

    assert (task.status, await engine.output(task), RAN[name]) == (TaskStatus.COMPLETED, 7, 1)
    assert not (await subtasks(engine, last))["s"].cached, "it counts as the one who made it"


async def test_fifty_at_once_each_distinct_subtask_runs_once(lab: Lab, name: str) -> None:
    engine = await started(lab, max_parallel_tasks=16)

    ids = [(await engine.submit(diamond(name))).task_id for _ in range(50)]
    tasks = [await finished(engine, id_) for id_ in ids]

    assert {task.status for task in tasks} == {TaskStatus.COMPLETED}
    assert {key: RAN[f"{name}-{key}"] for key in "abcde"} == dict.fromkeys("abcde", 1)
    assert sum([len(await cached(engine, id_)) for id_ in ids]) == 49 * 5


async def test_when_all_are_cancelled_the_work_is_stopped(lab: Lab, name: str) -> None:
    engine = await started(lab)
    ids = [(await engine.submit(slow(name))).task_id for _ in range(3)]
    await eventually(lambda: engine.snapshot()["running"] == 3)

    for id_ in ids:
        assert (await engine.cancel(id_)).status is TaskStatus.CANCELLED

    assert (RAN[name], STOPPED[name]) == (1, 1)


async def test_a_failure_is_not_shared(lab: Lab, name: str) -> None:
    engine = await started(lab)
    body = plan(step("f", type="sure_fail", input={"name": name, "times": 1}))

    ids = [(await engine.submit(body)).task_id for _ in range(5)]
    ends = [(await finished(engine, id_)).status for id_ in ids]

    assert sorted(ends) == [TaskStatus.COMPLETED] * 4 + [TaskStatus.FAILED]
    assert RAN[name] == 2


async def test_who_waits_has_its_own_limit(lab: Lab, name: str) -> None:
    engine = await started(lab)
    patient = (await engine.submit(slow(name))).task_id
    await eventually(lambda: RAN[name] == 1)
    hasty = slow(name)
    hasty["plan"]["subtasks"][0] |= {"timeout_seconds": 0.05, "retry": {"max_attempts": 1}}

    ended = await run(engine, hasty)

    assert ended.status is TaskStatus.FAILED and "timeout" in str(ended.error)
    assert STOPPED[name] == 0
    OPEN[name].set()
    assert (await finished(engine, patient)).status is TaskStatus.COMPLETED


async def test_subtasks_that_grow_others_are_not_reused(lab: Lab, name: str) -> None:
    engine = await started(lab)
    body = plan(
        step("g", type="sure_grow", input={"name": name}),
        step("end", "g", type="noop", input="{{subtasks.g.output}}"),
    )

    ids = [(await engine.submit(body)).task_id for _ in range(2)]
    found = [await outputs(engine, (await finished(engine, id_)).id) for id_ in ids]
    third = await run(engine, body)

    assert [one["end"] for one in found] == [7, 7]
    assert RAN[name] == 3 and RAN[f"{name}-leaf"] == 1
    assert await cached(engine, third.id) == {"g[leaf]"}


async def test_entries_are_forgotten_by_key_type_tag_and_version(lab: Lab, name: str) -> None:
    engine = await started(lab)
    body = plan(sure("a", f"{name}-a"), step("b", type="calculate", input={"expression": "1"}), tags=["red"])
    task = await run(engine, body)
    key = (await engine.cached.explain(task.id, "a")).key

    assert await engine.cached.invalidate(key=key) == 1
    assert await cached(engine, (await run(engine, body)).id) == {"b"}
    assert await engine.cached.invalidate(type="sure") == 1
    assert await engine.cached.invalidate(type="calculate", version="0") == 0
    assert await engine.cached.invalidate(type="calculate", version="1") == 1
    assert await cached(engine, (await run(engine, body)).id) == set()
    assert await engine.cached.invalidate(tag="blue") == 0
    assert await engine.cached.invalidate(tag="red") == 2
    assert await cached(engine, (await run(engine, body)).id) == set()


async def test_it_is_told_what_differs(lab: Lab, name: str) -> None:
    engine = await started(lab)
    first = await run(engine, plan(sure("a", name, value={"x": 1, "y": 2})))
    body = plan(sure("a", name, value={"x": 1, "y": 3}), step("n"), sure("off", name, value=1), cache=False)
    other = await run(engine, body)
    open_ = plan(sure("a", name, value={"x": 1, "y": 3}), step("n"))
    third = await engine.submit(open_)
    await finished(engine, third.task_id)
    await engine.cached.invalidate(key=(await engine.cached.explain(third.task_id, "a")).key)

    hit = await engine.cached.explain(first.id, "a")
    miss = await engine.cached.explain(third.task_id, "a")
    off = await engine.cached.explain(other.id, "a")
    never = await engine.cached.explain(third.task_id, "n")

    assert hit.verdict == "hit"
    assert (miss.verdict, miss.differs) == ("miss", ("input /value/y",))
    assert miss.nearest is not None and miss.nearest.key == hit.key
    assert (off.verdict, off.says) == ("not cacheable", 'its task says "cache": false')
    assert never.verdict == "not cacheable"


async def test_a_file_that_changed_is_read_again(lab: Lab, name: str) -> None:
    engine = await started(lab)
    file = lab.folder / "files" / "rows.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("n\n1\n2\n")
    body = plan(
        step("read", type="read_file", input={"path": str(file)}),
        step("sum", type="processing", input={"path": str(file), "aggregate": {"total": "sum(n)"}}),
        step("late", type="processing", input={"data": [{"n": 1}], "derive": {"at": "now()"}}),
    )
    await run(engine, body)
    second = await run(engine, body)
    assert await cached(engine, second.id) == {"read", "sum"}

    file.write_text("n\n1\n2\n3\n")
    third = await run(engine, body)

    assert await cached(engine, third.id) == set()
    assert (await outputs(engine, third.id))["sum"]["data"] == [{"total": 6}]
    why = await engine.cached.explain(second.id, "read")
    assert why.verdict == "hit"


async def test_redis_may_go_and_come_back_in_the_middle(embedded_lab: Lab, own_redis: RedisProcess) -> None:
    lab, name = embedded_lab, embedded_lab.namespace
    engine = await started(lab, redis_url=own_redis.url, max_parallel_tasks=8)
    names = [f"{name}-{number}" for number in range(60)]
    body = plan(*(sure(f"k{number}", named, value=number) for number, named in enumerate(names)))
    gate = plan(step("hold", type="gate", input={"name": name}))
    await run(engine, body)
    held = (await engine.submit(gate)).task_id
    for act in (own_redis.stop, own_redis.start, own_redis.pause, own_redis.resume):
        act()
        task = await run(engine, body)
        assert (task.status, len(await cached(engine, task.id))) == (TaskStatus.COMPLETED, 60)
    engines.GATES[name].set()
    await finished(engine, held)

    assert {RAN[named] for named in names} == {1}


async def test_a_full_redis_changes_nothing(embedded_lab: Lab, own_redis: RedisProcess) -> None:
    lab, name = embedded_lab, embedded_lab.namespace
    engine = await started(lab, redis_url=own_redis.url)
    await engine.cache._connection.client.config_set("maxmemory", "1")
    body = plan(*(sure(f"k{number}", f"{name}-{number}", value=number) for number in range(20)))

    await run(engine, body)
    second = await run(engine, body)

    assert len(await cached(engine, second.id)) == 20
    stats = await engine.cached.stats()
    assert (stats["entries"], stats["available"]) == (0, True)
    assert stats["errors"] >= 20
