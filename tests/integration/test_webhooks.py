"""Callbacks against a receiver on loopback: told in order and signed, again after failures and restarts, and never in
the way of the work.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from standardwebhooks.webhooks import Webhook

from engine.model import Json
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, finished, run, story
from tests.support.graphs import execute
from tests.support.plans import chain, plan, step
from tests.support.services import eventually
from tests.support.serving import free_port
from tests.support.tools_http import Request, ScriptedServer, scripted_server

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoaXMgdGVzdCwgbG9uZyBlbm91Z2g="
ENOUGH = 60
"""Tasks beside receivers that do not answer."""


def settings(**fields: Json) -> dict[str, Json]:
    allowed = {"webhook_secret": SECRET, "http_allow_private": ["127.0.0.0/8"]}
    return {**allowed, "webhook_retry_seconds": 0.1, "webhook_timeout_seconds": 30, **fields}


def told(receiver: ScriptedServer, path: str) -> list[dict[str, Any]]:
    """What arrived at a path, each checked by its signature."""
    requests = [request for request in receiver.requests if request.line.split()[1].partition("?")[0] == path]
    return [_verified(request) for request in requests]


def _verified(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = Webhook(SECRET).verify(request.body, request.headers)
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert request.headers["webhook-id"] == found["id"]
    return found


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [one["data"]["event"]["seq"] for one in found]


async def places(engine: Engine, task_id: str) -> list[dict[str, Json]]:
    return await engine.callbacks.shown(task_id)


async def test_all_is_told_in_order_and_signed_whatever_failed_before(lab: Lab) -> None:
    engine = await lab.start(**settings())
    async with scripted_server() as receiver:
        receiver.answer("/all"), receiver.answer("/end"), receiver.answer("/gone", "410 Gone")
        receiver.once("/all", "500 Internal Server Error")
        receiver.once("/end", "503 Service Unavailable", Retry_After="0")
        callbacks = [
            {"url": receiver.url("/all?token=s3cret"), "events": ["*"]},
            {"url": receiver.url("/end")},
            {"url": receiver.url("/gone"), "events": ["subtask.started"]},
        ]
        task = await run(engine, chain(12, callbacks=callbacks, name="told"))
        events = await story(engine, task.id)
        await eventually(lambda: len(told(receiver, "/all")) == len(events) + 1 and len(told(receiver, "/end")) == 2)

        everything = told(receiver, "/all")
        assert numbers(everything) == [1, *range(1, len(events) + 1)]
        assert [one["type"] for one in everything[-2:]] == ["agent03.subtask.completed.v1", "agent03.task.completed.v1"]
        ends = told(receiver, "/end")
        assert [one["id"] for one in ends] == [f"{task.id}:{len(events)}"] * 2 and ends[0] == ends[1]
        summary = ends[0]["data"]["task"]
        assert (summary["name"], summary["status"], summary["subtasks"]) == ("told", "completed", {"completed": 12})
        assert summary.keys().isdisjoint({"input", "result", "description"})
        assert len(told(receiver, "/gone")) == 1

        shown = await eventually(lambda: _kept(engine, task.id))
        assert [(one["delivered"], one["given_up"]) for one in shown] == [(len(events), False)] * 2 + [(0, True)]
        assert shown[0]["url"] == receiver.url("/all?token=***") and "410" in str(shown[2]["error"])

        assert await engine.remove(task.id)
        assert await places(engine, task.id) == []


async def _kept(engine: Engine, task_id: str) -> list[dict[str, Json]]:
    """How far its callbacks are, once nothing of them is left in memory."""
    return [] if task_id in engine.callbacks._told else await places(engine, task_id)


async def test_receivers_that_hang_or_redirect_hold_neither_the_work_nor_others_up(lab: Lab) -> None:
    engine = await lab.start(**settings())
    async with scripted_server() as receiver, scripted_server() as silent:
        receiver.answer("/good")
        receiver.answer("/away", "302 Found", Location="http://10.0.0.1/")
        urls = [silent.url("/hangs"), receiver.url("/away"), receiver.url("/good")]
        body = plan(step("a"), callbacks=[{"url": url} for url in urls])
        ids = [(await engine.submit(body)).task_id for _ in range(ENOUGH)]
        tasks = [await finished(engine, task_id) for task_id in ids]
        assert {task.status for task in tasks} == {TaskStatus.COMPLETED}
        await eventually(lambda: receiver.asked("/good") == ENOUGH)

        assert sorted(one["subject"] for one in told(receiver, "/good")) == sorted(ids)
        assert 1 <= silent.asked("/hangs") <= 4
        shown = await eventually(lambda: _failing(engine, ids[0], 1))
        assert shown[1]["failing_since"] and "302: a redirect, which is not followed" in str(shown[1]["error"])
        assert [one["delivered"] for one in shown[:2]] == [0, 0] and shown[2]["delivered"] > 0
        await asyncio.wait_for(lab.stop(engine), 10)
        assert silent.hung_up.is_set()


async def _failing(engine: Engine, task_id: str, number: int) -> list[dict[str, Json]]:
    shown = await places(engine, task_id)
    return shown if shown[number]["failing_since"] else []


async def test_a_receiver_that_does_not_answer_in_time_is_asked_again(lab: Lab) -> None:
    engine = await lab.start(**settings(webhook_timeout_seconds=0.2))
    async with scripted_server() as receiver:
        task = await run(engine, plan(step("a"), callbacks=[{"url": receiver.url("/slow")}]))
        await eventually(lambda: receiver.asked("/slow") >= 2)
        assert "no whole answer within 0.2 s" in str((await _shown_failing(engine, task.id))[0]["error"])
        receiver.answer("/slow")
        await eventually(lambda: _arrived(engine, task.id))


async def _shown_failing(engine: Engine, task_id: str) -> list[dict[str, Json]]:
    return await eventually(lambda: _failing(engine, task_id, 0))


async def _arrived(engine: Engine, task_id: str) -> bool:
    return bool((await places(engine, task_id))[0]["delivered"])


async def test_what_a_receiver_missed_arrives_without_a_gap_after_a_restart(lab: Lab) -> None:
    port, name = free_port(), f"{lab.namespace}-restart"
    url = f"http://127.0.0.1:{port}/all"
    engine = await lab.start(**settings())
    ended = await run(engine, plan(step("a"), callbacks=[{"url": url}]))
    submitted = await engine.submit(
        plan(step("a"), step("b", "a", type="gate", input={"name": name}), callbacks=[{"url": url, "events": ["*"]}])
    )
    await eventually(lambda: STARTED[name] == 1)
    await _shown_failing(engine, submitted.task_id)
    await lab.stop(engine)

    again = await lab.start(**settings())
    async with scripted_server(port) as receiver:
        receiver.answer("/all")
        GATES.setdefault(name, asyncio.Event()).set()
        await finished(again, submitted.task_id)
        events = await story(again, submitted.task_id)
        await eventually(lambda: len(_of(receiver, submitted.task_id)) >= len(events))
        await eventually(lambda: len(_of(receiver, ended.id)) == 1)

        assert list(dict.fromkeys(_of(receiver, submitted.task_id))) == list(range(1, len(events) + 1))
        await eventually(lambda: not again.callbacks._told)
        assert await again._graph.claim_callbacks(0) == []


def _of(receiver: ScriptedServer, task_id: str) -> list[int]:
    return numbers([one for one in told(receiver, "/all") if one["id"].startswith(task_id)])


async def test_another_engine_goes_on_telling_what_one_has_left(neo4j_lab: Lab) -> None:
    name, shared = f"{neo4j_lab.namespace}-other", {"blob_path": str(neo4j_lab.folder / "blobs")}
    first = await neo4j_lab.start(data_path=neo4j_lab.folder / "1", **settings(**shared))
    second = await neo4j_lab.start(data_path=neo4j_lab.folder / "2", **settings(**shared))
    async with scripted_server() as receiver:
        receiver.answer("/all")
        body = plan(step("a", type="gate", input={"name": name}), callbacks=[{"url": receiver.url("/all")}])
        task_id = (await first.submit(body)).task_id
        await eventually(lambda: STARTED[name] == 1)
        await neo4j_lab.stop(first)
        await eventually(lambda: STARTED[name] == 2)
        GATES[name].set()
        await finished(second, task_id)

        await eventually(lambda: told(receiver, "/all"))
        assert json.loads(receiver.requests[0].body)["type"] == "agent03.task.completed.v1"
        assert (await places(second, task_id))[0]["delivered"]


async def test_an_engine_that_was_taken_for_dead_tells_nothing_of_what_another_has(neo4j_lab: Lab) -> None:
    name, shared = f"{neo4j_lab.namespace}-dead", {"blob_path": str(neo4j_lab.folder / "blobs")}
    quick = settings(**shared, heartbeat_seconds=0.2, engine_timeout_seconds=1.5)
    first = await neo4j_lab.start(data_path=neo4j_lab.folder / "1", **quick)
    second = await neo4j_lab.start(data_path=neo4j_lab.folder / "2", **quick)
    async with scripted_server() as receiver:
        receiver.answer("/all")
        body = plan(step("a", type="gate", input={"name": name}), callbacks=[{"url": receiver.url("/all")}])
        task_id = (await first.submit(body)).task_id
        await eventually(lambda: STARTED[name] == 1)
        async with first._ownership._beating:
            await execute(first._graph, "MATCH (e:Engine {id: $id}) SET e.heartbeat_at = 1", id=first.id)
            await eventually(lambda: STARTED[name] == 2 and task_id in second.callbacks._told)
        await eventually(lambda: first.snapshot()["fencings"] == 1 and not first.callbacks._told)
        GATES[name].set()
        await finished(second, task_id)
        await eventually(lambda: second.callbacks._told == {})

        assert [one["type"] for one in told(receiver, "/all")] == ["agent03.task.completed.v1"]
