"""Subtasks at agents in other processes: who gets them, what comes back, and what happens when nothing comes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx2
import pytest

from api.app import create_app
from api.metrics import Metrics
from api.present import subtask_result
from engine.errors import Conflict, NotFound
from engine.logstore import LogWish
from engine.model import Attempt, Json
from engine.remoteport import LogEntry, Registration
from engine.service import Engine
from engine.states import SubtaskStatus
from tests.support.engines import Lab, finished, kill, run, subtasks
from tests.support.http import problem
from tests.support.plans import Body, plan, step
from tests.support.remote import StubAgent, stub_agent
from tests.support.services import eventually

NEEDS = ["DATA_ANALYSIS"]


def at_agent(key: str, *needs: str, required: list[str] | None = None, **fields: Json) -> Body:
    return step(key, *needs, required_capabilities=required or NEEDS, cache=False, **fields)


async def attempts(engine: Engine, task_id: str, key: str) -> list[Attempt]:
    return (await engine.subtask(task_id, key))[1]


async def status(engine: Engine, task_id: str, key: str) -> SubtaskStatus:
    return (await engine.subtask(task_id, key))[0].status


async def until(engine: Engine, task_id: str, key: str, wanted: SubtaskStatus) -> None:
    async def there() -> bool:
        return await status(engine, task_id, key) is wanted

    await eventually(there)


async def test_an_agent_gets_the_resolved_input_and_its_output_goes_on(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1") as agent:
        await agent.register(engine)
        body = plan(
            step("a", input={"x": 2}),
            at_agent("b", "a", input={"got": "{{subtasks.a.output.x}}"}, timeout_seconds=30),
            step("c", "b", input="{{previous_output}}"),
            name="three",
            tags=["t"],
            user_id="ada",
        )
        task_id = (await engine.submit(body)).task_id
        handed = await agent.has()
        assert (handed["task_id"], handed["subtask"]["key"], handed["subtask"]["type"]) == (task_id, "b", "noop")
        assert (handed["subtask"]["input"], handed["subtask"]["token"]) == ({"got": 2}, 1)
        assert 0 < handed["subtask"]["timeout_seconds"] <= 30
        assert handed["task_context"] == {"name": "three", "tags": ["t"], "user_id": "ada"}
        assert engine.agents.agent_of(handed["subtask"]["subtask_id"]) == "agent-1"

        result = agent.result(output=["done"])
        line = LogEntry("warning", "half of it", {"level": 1, "left": 3})
        logged = type(result)(**{**{name: getattr(result, name) for name in result.__struct_fields__}, "logs": (line,)})
        await engine.agents.returned("agent-1", logged)
        assert await status(engine, task_id, "b") is SubtaskStatus.COMPLETED, "acknowledged means recorded"
        await engine.agents.returned("agent-1", agent.result(output=["done"]))  # it may say so again

        task = await finished(engine, task_id)
        rows = await subtasks(engine, task.id)
        assert await engine.output(rows["c"]) == ["done"]
        assert (rows["b"].agent_id, rows["a"].agent_id, rows["c"].agent_id) == ("agent-1", "", "")
        assert subtask_result(rows["b"], None).agent_id == "agent-1"
        (attempt,) = await attempts(engine, task_id, "b")
        assert (attempt.outcome, attempt.agent_id, attempt.ran_on) == ("completed", "agent-1", engine.id)
        assert (attempt.effort.memory_bytes, attempt.effort.cpu_seconds) == (1_000_000, 0.5)
        events = await engine.events_page(task_id, 0, 100)
        assert [event.detail for event in events if event.key == "b" and event.event == "succeed"] == [
            "at agent agent-1"
        ]
        (kept,) = await engine.logbook.lines(LogWish(agent_id="agent-1", level="warning"))
        assert (kept.message, kept.key, kept.agent_id) == ("half of it", "b", "agent-1")


async def test_without_an_agent_it_waits_as_state_and_spends_no_attempt(lab: Lab) -> None:
    engine = await lab.start()
    task_id = (await engine.submit(plan(at_agent("a", retry={"max_attempts": 1})))).task_id
    await until(engine, task_id, "a", SubtaskStatus.RETRYING)
    said = await engine.answers.why(task_id, "a")
    assert [cause.code for cause in said.causes] == ["no_agent"]
    assert "there are no agents" in said.words
    assert engine.snapshot()["running"] == 0

    async with stub_agent("agent-1", "WEB_SCRAPING") as other, stub_agent("agent-2", *NEEDS, "WEB_SCRAPING") as right:
        await other.register(engine)
        assert "none has the capability DATA_ANALYSIS" in (await engine.answers.why(task_id, "a")).words
        await right.register(engine)
        await right.has()
        second = (await engine.submit(plan(at_agent("b")))).task_id
        await until(engine, second, "b", SubtaskStatus.RETRYING)
        assert "the only agent with DATA_ANALYSIS is busy" in (await engine.answers.why(second, "b")).words
        await right.end()
        await right.has(2)
        await right.end(2)
        await finished(engine, task_id)
        await finished(engine, second)
        assert other.taken == []
    assert [one.outcome for one in await attempts(engine, task_id, "a")] == ["postponed", "completed"]
    assert (await engine.subtask(task_id, "a"))[0].spent == 0


async def test_one_that_says_it_is_busy_is_passed_over_until_its_next_heartbeat(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1") as agent:
        agent.answer = 503
        await agent.register(engine)
        task_id = (await engine.submit(plan(at_agent("a")))).task_id
        await until(engine, task_id, "a", SubtaskStatus.RETRYING)
        async with stub_agent("agent-2") as other:
            await other.register(engine)
            await other.has()
            await other.end()
            await finished(engine, task_id)
            await engine.agents.leave("agent-2")
        task_id = (await engine.submit(plan(at_agent("b")))).task_id
        await until(engine, task_id, "b", SubtaskStatus.RETRYING)
        agent.answer = 200
        agent.beat()
        await agent.has()
        await agent.end()
        await finished(engine, task_id)
        assert (await subtasks(engine, task_id))["b"].agent_id == "agent-1"


async def test_what_failed_at_an_agent_follows_the_same_rules(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1") as agent:
        await agent.register(engine)
        task_id = (await engine.submit(plan(at_agent("a", retry={"max_attempts": 2, "backoff_seconds": 0})))).task_id
        await agent.has()
        await agent.end(error="the first time")
        await agent.has(2)
        await agent.end(2, output="half", error="the second time")
        await finished(engine, task_id)
        found = await attempts(engine, task_id, "a")
        assert [(one.outcome, one.agent_id) for one in found] == [("failed", "agent-1")] * 2
        assert await engine.output(found[1]) == "half"


async def test_an_agent_that_is_gone_interrupts_what_it_had_and_late_results_change_nothing(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1") as gone, stub_agent("agent-2") as heir:
        await gone.register(engine)
        body = plan(at_agent("again"), at_agent("ask", type="shell", input={"argv": ["true"]}, on_interrupt="ask"))
        task_id = (await engine.submit(body)).task_id
        await gone.has()
        first = gone.taken[0]["subtask"]["key"]
        engine._remote.crew.members["agent-1"].beaten -= 61  # a minute without a sign of life
        engine._remote.crew._look()
        await eventually(lambda: "agent-1" not in engine._remote.crew.members)
        await heir.register(engine)
        for _ in range(2):  # what was interrupted, and what had waited behind it
            await eventually(lambda: heir.taken)
            heir.beat()
        late = gone.result(output="late")
        with pytest.raises(NotFound):  # it has to register before it is listened to
            await engine.agents.returned("agent-1", late)
        gone.agent_id = "agent-1"
        await gone.register(engine)
        with pytest.raises(Conflict, match="drop the result"):
            await engine.agents.returned("agent-1", late)
        (lost, *_) = await attempts(engine, task_id, first)
        assert (lost.outcome, lost.agent_id) == ("interrupted", "agent-1")
        await engine.cancel(task_id)


async def test_a_heartbeat_that_does_not_name_what_the_agent_should_have_says_that_it_is_lost(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1") as agent:
        await agent.register(engine)
        task_id = (await engine.submit(plan(at_agent("a")))).task_id
        await agent.has()
        agent.beat()
        assert await status(engine, task_id, "a") is SubtaskStatus.PROCESSING
        agent.beat(running=False)
        assert await status(engine, task_id, "a") is SubtaskStatus.PROCESSING, "it may have come after it was said"
        engine._remote.seats[agent.taken[0]["subtask"]["subtask_id"]]._handed -= 60
        agent.beat(running=False)
        await agent.has(2)
        assert agent.taken[1]["subtask"]["token"] == 2
        await agent.end(2)
        await finished(engine, task_id)
        assert [one.outcome for one in await attempts(engine, task_id, "a")] == ["interrupted", "completed"]


async def test_cancel_pause_and_the_time_limit_are_told_to_the_agent(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1", slots=3) as agent:
        await agent.register(engine)
        task_id = (await engine.submit(plan(at_agent("a")))).task_id
        await agent.has()
        await engine.cancel(task_id)
        await eventually(lambda: len(agent.cancelled) == 1)
        with pytest.raises(Conflict):
            await agent.end()

        paused = (await engine.submit(plan(at_agent("b")))).task_id
        await agent.has(2)
        await engine.pause(paused, "now")
        await eventually(lambda: len(agent.cancelled) == 2)
        await engine.resume(paused)
        await agent.has(3)
        await agent.end(3)
        await finished(engine, paused)

        timed = (await engine.submit(plan(at_agent("c", timeout_seconds=0.2, retry={"max_attempts": 1})))).task_id
        await agent.has(4)
        await finished(engine, timed)
        await eventually(lambda: len(agent.cancelled) == 3)
        assert '"timeout"' in str((await subtasks(engine, timed))["c"].error)
        assert engine._remote.crew.members["agent-1"].held == {}


async def test_after_a_restart_an_agent_that_still_works_returns_its_result(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1", slots=3) as agent:
        await agent.register(engine)
        task_id = (await engine.submit(plan(*(at_agent(key) for key in "abc")))).task_id
        await agent.has(3)
        lab.engines.remove(engine)
        await kill(engine)

        again = await lab.start()
        agent.engine = again
        number = {one["subtask"]["key"]: place for place, one in enumerate(agent.taken, 1)}
        await until(again, task_id, "a", SubtaskStatus.PROCESSING)
        await agent.end(number["a"], output="kept")  # before any heartbeat
        agent.taken = [one for one in agent.taken if one["subtask"]["key"] != "c"]  # it knows nothing of c
        agent.beat()
        lost = again._remote.seats[f"{task_id}.0000002"]
        assert lost.member is None
        await agent.has(3)  # c is handed over once more
        assert agent.taken[-1]["subtask"]["token"] == 2
        for place, one in enumerate(list(agent.taken), 1):
            if one["subtask"]["key"] != "a":
                await agent.end(place, output="made")
        await finished(again, task_id)
        rows = await subtasks(again, task_id)
        assert {key: row.attempts for key, row in rows.items()} == {"a": 1, "b": 1, "c": 2}
        assert {row.agent_id for row in rows.values()} == {"agent-1"}
        assert await again.output(rows["a"]) == "kept"


async def test_after_a_restart_what_nobody_claims_is_interrupted(lab: Lab) -> None:
    engine = await lab.start()
    async with stub_agent("agent-1") as agent, stub_agent("agent-2") as heir:
        await agent.register(engine)
        task_id = (await engine.submit(plan(at_agent("a")))).task_id
        await agent.has()
        lab.engines.remove(engine)
        await kill(engine)

        again = await lab.start(agent_timeout_seconds=0.6)
        await eventually(lambda: not again._remote.crew.members)
        await until(again, task_id, "a", SubtaskStatus.RETRYING)
        again._remote.crew.timeout = 60.0  # the heir gives no heartbeats
        await heir.register(again)
        await heir.has()
        await heir.end()
        await finished(again, task_id)
        found = await attempts(again, task_id, "a")
        assert [(one.outcome, one.agent_id) for one in found if one.outcome != "postponed"] == [
            ("interrupted", ""),
            ("completed", "agent-2"),
        ]
        assert [one.agent.agent_id for one in await again.agents.seen()] == ["agent-2"]


async def test_the_graph_has_the_agents_and_hears_of_heartbeats_together(lab: Lab) -> None:
    engine = await lab.start()
    writes: list[str] = []
    database = engine._graph._database  # type: ignore[attr-defined]
    write = database.write

    async def counted(name: str, /, **params: Json) -> Json:
        writes.append(name)
        return await write(name, **params)

    database.write = counted
    for number in range(20):
        await engine.agents.register(Registration(f"a{number:02}", f"http://127.0.0.1:{9000 + number}", ("X",)))
    stub = StubAgent("a00", engine=engine)
    for _ in range(50):
        for number in range(20):
            stub.agent_id = f"a{number:02}"
            stub.beat()
    assert [name for name in writes if name == "remote/beat"] == []
    await engine._remote.crew._write()
    assert [name for name in writes if name == "remote/beat"] == ["remote/beat"]
    stored = await engine._graph.remotes()
    assert len(stored) == 20
    assert all(agent.seen_at >= agent.registered_at for agent in stored)
    await engine.agents.leave("a07")
    assert [one.agent.agent_id for one in await engine.agents.seen()] == [f"a{n:02}" for n in range(20) if n != 7]


async def test_agents_over_rest(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start(agent_token="open sesame please")
    app = create_app(engine, engine.settings, Metrics())
    async with AsyncExitStack() as stack:
        transport = httpx2.ASGITransport(app=app)
        client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://test"))
        agent = await stack.enter_async_context(stub_agent("agent-1"))
        sent: Body = {"agent_id": "agent-1", "url": agent.url, "capabilities": ["X", "Y"], "more": 1}
        for headers in ({}, {"Authorization": "Bearer open"}):
            found = problem(await client.post("/agents", json=sent, headers=headers), 401, "unauthorized")
            assert "AGENT_TOKEN" in found.detail
        client.headers["Authorization"] = "Bearer open sesame please"
        told = (await client.post("/agents", json=sent)).json()
        assert told == {"agent_id": "agent-1", "heartbeat_seconds": 10.0, "timeout_seconds": 60.0}
        twin = problem(await client.post("/agents", json={**sent, "url": "http://127.0.0.1:1"}), 409, "conflict")
        assert "there is an agent agent-1 already" in twin.detail
        assert (await client.post("/agents", json=sent)).status_code == 200

        beat = {"is_available": True, "cpu_usage": 1, "memory_usage": 50.5, "tasks_completed": 4, "running": []}
        assert (await client.put("/agents/agent-1/heartbeat", json=beat)).status_code == 200
        problem(await client.put("/agents/agent-2/heartbeat", json=beat), 404, "not-found")
        (shown,) = (await client.get("/agents")).json()["agents"]
        assert (shown["port"], shown["is_available"], shown["cpu_usage"]) == (agent.port, True, 1)
        assert (shown["memory_usage"], shown["tasks_completed"], shown["capabilities"]) == (50.5, 4, ["X", "Y"])
        assert (await client.get("/agents/agent-1")).json() == shown
        problem(await client.get("/agents/agent-9"), 404, "not-found")

        task_id = (await engine.submit(plan(at_agent("a", required=["Y", "X"])))).task_id
        handed = await agent.has()
        assert agent.shown == ["Bearer open sesame please"]
        subtask_id = handed["subtask"]["subtask_id"]
        assert (await client.get("/agents/available")).json() == {"available_agents": []}
        assert (await client.get("/agents/agent-1")).json()["current_task"] == subtask_id
        running = (await client.get(f"/tasks/{task_id}/subtasks/a")).json()["subtask"]
        assert (running["status"], running["agent_id"]) == ("processing", "agent-1")

        result = {"task_id": task_id, "subtask_id": subtask_id, "token": 1, "status": "completed", "output": 2**80}
        late = {**result, "token": 0}
        problem(await client.post("/agents/agent-1/results", json=late), 409, "conflict")
        problem(await client.post("/agents/agent-1/results", json={**result, "status": "fine"}), 400, "invalid-input")
        for _ in range(2):
            answer = await client.post("/agents/agent-1/results", json=result)
            assert (answer.status_code, answer.json()) == (200, {"subtask_id": subtask_id, "token": 1})
        assert (await finished(engine, task_id)).status.value == "completed"
        assert await engine.output((await subtasks(engine, task_id))["a"]) == 2**80
        for capability, number in (("X", 1), ("Z", 0)):
            free = (await client.get("/agents/available", params={"capability": capability})).json()
            assert len(free["available_agents"]) == number
        assert (await client.delete("/agents/agent-1")).status_code == 204
        problem(await client.delete("/agents/agent-1"), 404, "not-found")
        assert (await client.get("/agents")).json() == {"agents": []}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agent_id", "no spaces"),
        ("agent_id", ""),
        ("url", "ftp://x"),
        ("url", "http://user:pw@x"),
        ("url", "nowhere"),
        ("capabilities", ["a b"]),
        ("capabilities", "X"),
        ("slots", 0),
        ("slots", True),
    ],
)
async def test_a_registration_that_is_wrong_names_the_fault(embedded_lab: Lab, field: str, value: Json) -> None:
    engine = await embedded_lab.start()
    transport = httpx2.ASGITransport(app=create_app(engine, engine.settings, Metrics()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        sent: Body = {"agent_id": "a", "url": "http://127.0.0.1:1", field: value}
        found = problem(await client.post("/agents", json=sent), 400, "invalid-input")
        assert found.errors
        assert str(found.errors[0].pointer).startswith(f"/{field}")


async def test_what_needs_the_graph_cannot_be_given_to_agents(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    with pytest.raises(Exception, match="runs in the engine only"):
        await run(engine, plan(at_agent("a", type="subplan", input={})))


async def test_many_subtasks_are_shared_by_the_agents_that_fit(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=50)
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(stub_agent(f"agent-{n}", "X", slots=2)) for n in range(3)]

        def ends(agent: StubAgent) -> None:
            async def later(body: Body) -> None:
                number = len(agent.taken)
                asyncio.get_running_loop().create_task(agent.end(number, output=body["subtask"]["key"]))

            agent.on_execute = later

        for agent in agents:
            ends(agent)
            await agent.register(engine)
        keys = [f"k{number:02}" for number in range(30)]
        task = await run(engine, plan(*(at_agent(key, required=["X"]) for key in keys)))
        rows = await subtasks(engine, task.id)
        assert {key: await engine.output(row) for key, row in rows.items()} == {key: key for key in keys}
        assert {row.agent_id for row in rows.values()} == {"agent-0", "agent-1", "agent-2"}
        assert sum(len(agent.taken) for agent in agents) == 30
