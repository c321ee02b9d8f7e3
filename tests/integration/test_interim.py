"""Reports of a task while it runs: at milestones, on a schedule, over a restart; as events, callbacks and Markdown."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.answers.interim import EVENT
from engine.model import Json
from engine.service import Engine
from engine.states import TaskStatus
from tests.integration.test_webhooks import settings as signed
from tests.integration.test_webhooks import told as delivered
from tests.support.asking import asker
from tests.support.engines import GATES, STARTED, Lab, check_story, finished, story, subtasks
from tests.support.http import problem
from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.tools_http import scripted_server

TINY = "| </td><script>alert(1)</script>"


def gates(marker: str, number: int, *others: Body, **fields: Json) -> Body:
    """Subtasks that each wait for a gate of their own."""
    return plan(
        *(step(f"g{n}", type="gate", input={"name": f"{marker}-{n}"}) for n in range(number)), *others, **fields
    )


def opened(name: str, *numbers: int) -> None:
    for number in numbers:
        GATES.setdefault(f"{name}-{number}", asyncio.Event()).set()


async def reports(engine: Engine, task_id: str) -> list[dict[str, Any]]:
    """The reports of a task as they are shown, oldest first."""
    from api import interim

    shown = interim.listed(await engine.interim_reports(task_id, None, 100), 100)
    return [one.model_dump() for one in shown.reports[::-1]]


async def causes(engine: Engine, task_id: str) -> list[str]:
    return [one["cause"] for one in await reports(engine, task_id)]


async def test_milestones_the_first_failure_and_the_end_are_told_once(lab: Lab) -> None:
    name = lab.namespace
    async with asker(lab, max_parallel_tasks=12) as one:
        broken = step("broken", "g0", type="boom", input={"how": "fatal"}, retry={"max_attempts": 1})
        body = gates(name, 7, broken, name=TINY, reports={"milestones": [25, 50, 75]})
        task_id = await one.submit(body)
        await eventually(lambda: STARTED[f"{name}-6"])
        opened(name, 0)
        await eventually(lambda: _has(one.engine, task_id, "first_failure"))
        opened(name, 1, 2)
        await eventually(lambda: _has(one.engine, task_id, "50 %"))
        opened(name, *range(7))
        task = await finished(one.engine, task_id)

        assert task.status is TaskStatus.FAILED
        found = await reports(one.engine, task_id)
        told = [report["cause"] for report in found]
        assert (told[-1], len(told), len(set(told))) == ("finished", len(told), len(told))
        assert set(told) <= {"25 %", "50 %", "75 %", "first_failure", "finished"}
        (failure,) = found[told.index("first_failure")]["failures"]
        assert (failure["key"], failure["message"]) == ("broken", "no such recipe")
        half = found[told.index("50 %")]
        assert (half["percent"], half["counts"]["completed"], len(half["running"])) == (50, 3, 4)
        assert half["words"].startswith("4 of 8 subtasks are settled (50 %), 1 of them failed, 4 run and 0 wait.")
        assert half["elapsed"] > 0
        assert (found[-1]["percent"], found[-1]["counts"]) == (100, {"completed": 7, "failed": 1})
        events = await story(one.engine, task_id)
        check_story(events, await subtasks(one.engine, task_id), [])
        assert [event.event for event in events if not event.key].count(EVENT) == len(told)
        assert events[-1].status == "failed"

        page = (await one.client.get(f"/tasks/{task_id}/reports?limit=1")).json()
        assert [report["cause"] for report in page["reports"]] == ["finished"]
        rest = (await one.client.get(f"/tasks/{task_id}/reports?cursor={page['next_cursor']}")).json()
        assert [report["cause"] for report in rest["reports"]] == told[-2::-1]
        assert rest["next_cursor"] is None
        answer = await one.client.get(f"/tasks/{task_id}/reports", headers={"Accept": "text/markdown"})
        assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
        assert ": finished\n" in answer.text and "- broken failed: no such recipe" in answer.text
        listed = (await one.client.get(f"/tasks/{task_id}/events?limit=1000")).json()["events"]
        assert [event["report"]["cause"] for event in listed if event["event"] == EVENT] == told
        assert all("report" not in event for event in listed if event["event"] != EVENT)
        problem(await one.client.get("/tasks/01KAJ7M2Q8Z5T3V9W4X6Y7B8C9/reports"), 404, "not-found")
        report = (await one.client.get(f"/tasks/{task_id}/report")).json()
        assert EVENT not in str(report["timeline"])


async def _has(engine: Engine, task_id: str, cause: str) -> bool:
    return cause in await causes(engine, task_id)


async def test_a_schedule_goes_on_after_a_restart_and_nothing_is_told_again(lab: Lab) -> None:
    name = lab.namespace
    engine = await lab.start()
    body = gates(name, 3, reports={"every_seconds": 1, "milestones": [30], "first_failure": False})
    task_id = (await engine.submit(body)).task_id
    await eventually(lambda: STARTED[f"{name}-0"])
    opened(name, 0)
    await eventually(lambda: _count(engine, task_id, "interval", 1))
    await lab.stop(engine)
    before = await _stored(lab, task_id)

    again = await lab.start()
    await eventually(lambda: _count(again, task_id, "interval", 2))
    opened(name, 1, 2)
    assert (await finished(again, task_id)).status is TaskStatus.COMPLETED

    told = await causes(again, task_id)
    assert told[: len(before)] == before
    assert (told.count("30 %"), told[-1]) == (1, "finished")
    events = await story(again, task_id)
    check_story(events, await subtasks(again, task_id), [])


async def _count(engine: Engine, task_id: str, cause: str, number: int) -> bool:
    return (await causes(engine, task_id)).count(cause) >= number


async def _stored(lab: Lab, task_id: str) -> list[str]:
    from api import interim

    graph = lab.graph()
    await graph.open()
    try:
        events = await graph.reports(task_id, None, 100)
    finally:
        await graph.close()
    return [one.cause for one in interim.listed(events, 100).reports[::-1]]


async def test_a_callback_is_told_of_reports_with_what_they_say(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start(**signed())
    async with scripted_server() as receiver:
        receiver.answer("/reports")
        callbacks = [{"url": receiver.url("/reports"), "events": ["task.reported", "task.completed"]}]
        body = plan(*(step(f"k{n}") for n in range(4)), callbacks=callbacks, reports={"milestones": []})
        task_id = (await engine.submit(body)).task_id
        await finished(engine, task_id)
        await eventually(lambda: len(delivered(receiver, "/reports")) == 2)

        first, last = delivered(receiver, "/reports")
        assert (first["type"], last["type"]) == ("agent03.task.reported.v1", "agent03.task.completed.v1")
        report = first["data"]["event"]["report"]
        assert (report["cause"], report["percent"], report["counts"]) == ("finished", 100, {"completed": 4})


async def test_what_attempts_cost_is_summed_up(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    paid = [step(f"k{n}", input={"usage": {"cost": 0.25}}) for n in range(3)]
    body = plan(*paid, step("free", type="calculate", input={"expression": "1"}), reports={}, cache=False)
    task_id = (await engine.submit(body)).task_id
    await finished(engine, task_id)

    last = (await reports(engine, task_id))[-1]
    assert last["cost"] == 0.75
    assert "It has cost $0.75." in last["words"]


async def test_a_task_that_wants_none_has_none_and_bad_wishes_are_refused(embedded_lab: Lab) -> None:
    async with asker(embedded_lab) as one:
        task_id = await one.submit(plan(step("a")))
        await finished(one.engine, task_id)
        assert await causes(one.engine, task_id) == []

        for wrong, place in (
            ({"every_seconds": 0.1}, "/reports/every_seconds"),
            ({"milestones": [0]}, "/reports/milestones/0"),
            ({"milestones": [100]}, "/reports/milestones/0"),
            ({"often": True}, "/reports/often"),
        ):
            refused = await one.client.post("/tasks", json=plan(step("a"), reports=wrong))
            assert refused.status_code == 400
            assert place in refused.text
