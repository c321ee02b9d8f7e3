"""Live progress through a real server, on both graphs: nothing missed, nothing twice, whoever comes and goes."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.engines import GATES, STARTED, Lab, finished, story
from tests.support.live import UPGRADE, ask_and_never_read, live_server, look, look_by_socket, soon
from tests.support.plans import diamond, plan, step


def _gated(lab: Lab, width: int = 10) -> tuple[dict[str, object], str]:
    """Some subtasks, one that waits for its gate, and as many after it."""
    name = f"{lab.namespace}-live"
    early = [step(f"a{n}") for n in range(width)]
    late = [step(f"b{n}", "gate") for n in range(width)]
    gate = step("gate", *(f"a{n}" for n in range(width)), type="gate", input={"name": name})
    return plan(*early, gate, *late), name


def _open(name: str) -> None:
    GATES.setdefault(name, asyncio.Event()).set()


async def test_whoever_joins_leaves_and_comes_back_has_every_event_once(lab: Lab) -> None:
    engine = await lab.start()
    body, name = _gated(lab)
    async with live_server(engine) as live:
        task_id = (await engine.submit(body)).task_id
        path = f"/tasks/{task_id}/events"
        early, by_socket = look(live.url, path), look_by_socket(live.url, f"/ws{path.removesuffix('/events')}")
        await soon(lambda: STARTED[name] and early.seen.seqs and by_socket.seen.seqs)
        middle = look(live.url, f"{path}?after=5")
        await soon(lambda: len(early.seen.seqs) == len(middle.seen.seqs) + 5)
        away = await middle.leave()
        _open(name)
        back = look(live.url, f"{path}?after=0", last_id=away.last_id, seen=away)
        seen = [await viewer.over() for viewer in (early, by_socket, back)]
        late = await look(live.url, path, last_id=str(seen[0].seqs[-2])).over()

        pages = (await httpx2.AsyncClient(base_url=live.url).get(path)).json()["events"]
    assert seen[0].events == seen[1].events == pages
    assert seen[2].events == pages[5:]
    assert late.events == pages[-1:]
    for viewer in (*seen, late):
        assert viewer.end == {"seq": len(pages), "status": "completed"}
        assert viewer.progress[-1]["counts"] == {"completed": 21}
    assert (seen[0].last_id, seen[1].code) == (str(len(pages)), 1000)
    assert [progress["percent"] for progress in seen[0].progress] == sorted(p["percent"] for p in seen[0].progress)


async def test_a_restart_of_the_engine_is_neither_seen_twice_nor_missed(lab: Lab) -> None:
    engine = await lab.start()
    body, name = _gated(lab)
    async with live_server(engine) as live:
        task_id = (await engine.submit(body)).task_id
        path, port = f"/tasks/{task_id}/events", live.port
        viewer, socket = look(live.url, path), look_by_socket(live.url, f"/ws/tasks/{task_id}")
        await soon(lambda: STARTED[name] and viewer.seen.seqs and socket.seen.seqs)
        await lab.stop(engine)
        seen, by_socket = await viewer.over(), await socket.over()
        assert (seen.end, by_socket.code) == (None, 1001)

    engine = await lab.start()
    async with live_server(engine, port=port) as live:
        _open(name)
        seen = await look(live.url, path, last_id=seen.last_id, seen=seen).over()
        by_socket = await look_by_socket(live.url, f"/ws/tasks/{task_id}?after={by_socket.seqs[-1]}", by_socket).over()

    assert seen.seqs == by_socket.seqs == [event.seq for event in await story(engine, task_id)]
    assert seen.end is not None
    assert by_socket.code == 1000


async def test_slow_viewers_miss_nothing_or_get_a_snapshot_that_the_page_can_go_on_from(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.channel.PAGE", 50)
    engine = await lab.start()
    async with live_server(engine, keep=10) as live, httpx2.AsyncClient(base_url=live.url) as client:
        task_id = (await engine.submit(diamond(300))).task_id
        path = f"/tasks/{task_id}/events"
        plain = look(live.url, path)
        await finished(engine, task_id)
        total = len(await story(engine, task_id))
        assert (await plain.over()).seqs == list(range(1, total + 1))
        late = await look(live.url, f"{path}?lag=snapshot").over()
        graph = (await client.get(f"/tasks/{task_id}/graph")).json()
        document = (await client.get(f"/tasks/{task_id}")).json()

    assert (late.seqs, late.snapshots) == ([], [{"seq": total, "status": "completed", "counts": {"completed": 302}}])
    assert graph["seq"] == document["seq"] == total


async def test_a_graph_and_the_events_after_its_number_are_the_whole_story(lab: Lab) -> None:
    engine = await lab.start()
    async with live_server(engine) as live, httpx2.AsyncClient(base_url=live.url) as client:
        task_id = (await engine.submit(diamond(100))).task_id
        states: dict[str, str] = {}
        graph = (await client.get(f"/tasks/{task_id}/graph")).json()
        states = {node["key"]: node["status"] for node in graph["nodes"]}
        seen = await look(live.url, f"/tasks/{task_id}/events?after={graph['seq']}").over()

    assert seen.seqs == list(range(graph["seq"] + 1, len(await story(engine, task_id)) + 1))
    states |= {event["key"]: event["to"] for event in seen.events if event["key"]}
    assert set(states.values()) == {"completed"}


async def test_all_tasks_are_watched_and_whoever_comes_back_learns_what_became_of_them(lab: Lab) -> None:
    engine = await lab.start()
    body, name = _gated(lab)
    async with live_server(engine) as live:
        all_of_them, failures = look(live.url, "/events"), look(live.url, "/events?status=failed")
        await soon(lambda: live.hub.viewers == 2)
        held = (await engine.submit(body)).task_id
        failing = (await engine.submit(plan(step("x", type="boom", input={"how": "logic"})))).task_id
        known = {(held, "processing"), (failing, "failed")}
        await soon(lambda: known <= {(task["task_id"], task["status"]) for task in all_of_them.seen.tasks})
        await soon(lambda: failures.seen.tasks)
        away = await all_of_them.leave()
        _open(name)
        await finished(engine, held)
        late = (await engine.submit(plan(step("later")))).task_id
        await finished(engine, late)
        await lab.stop(engine)
        assert [task["task_id"] for task in (await failures.over()).tasks] == [failing]

    engine = await lab.start()
    async with live_server(engine) as live:
        back = look(live.url, "/events", last_id=away.last_id)
        await soon(lambda: {held, late} <= {task["task_id"] for task in back.seen.tasks})
        await back.leave()

    latest = {task["task_id"]: task for task in back.seen.tasks}
    assert (latest[held]["status"], latest[held]["counts"], latest[held]["percent"]) == (
        "completed",
        {"completed": 21},
        100.0,
    )
    assert latest[held]["seq"] == len(await story(engine, held))
    assert latest[late]["status"] == "completed"
    assert away.last_id.partition(":")[0] in (held, failing)


async def test_the_events_of_another_engine_s_task(neo4j_lab: Lab) -> None:
    shared = {"blob_path": neo4j_lab.folder / "blobs"}
    owner = await neo4j_lab.start(data_path=neo4j_lab.folder / "first", **shared)
    other = await neo4j_lab.start(data_path=neo4j_lab.folder / "second", **shared)
    body, name = _gated(neo4j_lab)
    async with live_server(other) as live:
        task_id = (await owner.submit(body)).task_id
        viewer = look(live.url, f"/tasks/{task_id}/events")
        await soon(lambda: STARTED[name] and viewer.seen.seqs)
        _open(name)
        seen = await viewer.over()

    assert seen.seqs == [event.seq for event in await story(owner, task_id)]
    assert (seen.end or {})["status"] == "completed"
    assert seen.progress[-1]["percent"] == 100.0


async def test_what_is_wrong_is_refused(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    task_id = (await engine.submit(plan(step("a")))).task_id
    await finished(engine, task_id)
    stream = {"Accept": "text/event-stream"}
    async with live_server(engine) as live, httpx2.AsyncClient(base_url=live.url) as client:
        for query, headers in (
            ("after=-1", {}),
            ("after=x", {}),
            ("lag=never", {}),
            ("surplus=1", {}),
            ("after=99", {}),
            ("", {"Last-Event-ID": "x"}),
            ("", {"Last-Event-ID": "-3"}),
            ("", {"Last-Event-ID": "99"}),
        ):
            response = await client.get(f"/tasks/{task_id}/events?{query}", headers=stream | headers)
            assert (response.status_code, response.json()["type"]) == (400, "urn:agent03:problem:invalid-input")
        assert (await client.get("/tasks/none/events", headers=stream)).status_code == 404
        for query, place in (("status=lost", ""), ("after=1", ""), ("", f"{task_id}:x"), ("", "none:1")):
            response = await client.get(f"/events?{query}", headers={"Last-Event-ID": place} if place else {})
            assert response.status_code == 400

        for query, code in (
            (f"{task_id}?after=-1", 4400),
            (f"{task_id}?after=99", 4400),
            (f"{task_id}?what=1", 4400),
            ("none", 4404),
        ):
            assert (await look_by_socket(live.url, f"/ws/tasks/{query}").over()).code == code
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(f"ws://127.0.0.1:{live.port}/ws/tasks/{task_id}", origin="http://evil.example"):  # type: ignore[arg-type]
                raise AssertionError("a page of another site got in")
        async with connect(f"ws://127.0.0.1:{live.port}/ws/tasks/{task_id}", origin=live.url) as own:  # type: ignore[arg-type]
            assert json.loads(await own.recv())["type"] == "event"
        assert live.hub.viewers == 0


async def test_whoever_never_reads_is_let_go_of_and_then_cut_off(
    embedded_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.stream.SEND_SECONDS", 0.2)
    monkeypatch.setattr("api.cli.serve.SILENT_SECONDS", 1)
    engine = await embedded_lab.start()
    task_id = (await engine.submit(diamond(600))).task_id
    async with live_server(engine, buffer=2048) as live:
        sse = ask_and_never_read(live.port, f"/tasks/{task_id}/events", "Accept: text/event-stream")
        socket = ask_and_never_read(live.port, f"/ws/tasks/{task_id}", *UPGRADE)
        await soon(lambda: live.hub.viewers == 2)
        reader = look(live.url, f"/tasks/{task_id}/events")
        await finished(engine, task_id)

        assert (await reader.over()).end is not None
        await soon(lambda: live.hub.viewers == 0)
        await soon(lambda: not live.server.server_state.connections)
        sse.close()
        socket.close()


async def test_whoever_talks_is_closed_and_a_stop_waits_for_nobody(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    body, name = _gated(embedded_lab)
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(live_server(engine))
        task_id = (await engine.submit(body)).task_id
        await soon(lambda: STARTED[name])
        async with connect(f"ws://127.0.0.1:{live.port}/ws/tasks/{task_id}") as talker:
            await talker.send("hello?")
            with pytest.raises(ConnectionClosed):
                while True:
                    await talker.recv()
            assert talker.close_code == 1003
        viewers = [look(live.url, f"/tasks/{task_id}/events") for _ in range(20)]
        viewers += [look_by_socket(live.url, f"/ws/tasks/{task_id}") for _ in range(20)]
        await soon(lambda: live.hub.viewers == 40)

        await embedded_lab.stop(engine)
        begun = time.monotonic()
        await live.close()
        took = time.monotonic() - begun
        assert [(await viewer.over()).end for viewer in viewers] == [None] * 40

    assert took < 1
    assert live.hub.viewers == 0
