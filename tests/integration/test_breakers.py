"""What is called fails, recovers, dawdles: its breaker opens, what waits spends nothing, one call tries it again."""

from __future__ import annotations

from collections import Counter

from engine.model import Json
from engine.service import Engine
from engine.states import TaskStatus
from tests.support import limit_tools
from tests.support.engines import MODULE, Lab, finished, outputs, subtasks
from tests.support.limit_tools import FAR, SERVED, FarEnd
from tests.support.moody import MoodyService, moody_service
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

QUICK: dict[str, Json] = {
    "breaker_calls": 4,
    "breaker_open_seconds": 0.3,
    "max_parallel_tasks": 4,
    "http_allow_private": "127.0.0.1",
    "agent03_tools": [MODULE, limit_tools.MODULE],
}
UNDER_WAY = 4 + 3
"""Calls until a breaker is open: four that failed, and what was under way in the other slots."""


def asks(service: MoodyService, number: int, **fields: Json) -> Body:
    """Subtasks that each ask the service once."""
    return plan(
        *(step(f"k{n}", type="http_request", input={"url": service.url(f"/{n}")}, **fields) for n in range(number))
    )


def calls_far(name: str, number: int, **fields: Json) -> Body:
    """Subtasks that each call the far end of that name."""
    return plan(*(step(f"k{n}", type="far", input={"name": name}, **fields) for n in range(number)))


async def attempts(engine: Engine, task_id: str) -> Counter[str]:
    """How many attempts ended how."""
    keys = await subtasks(engine, task_id)
    found = [await engine.subtask(task_id, key) for key in keys]
    return Counter(attempt.outcome for _, made, *_ in found for attempt in made)


async def test_a_breaker_opens_and_one_call_tries_the_service_until_it_works(lab: Lab) -> None:
    async with moody_service() as service:
        service.mood = "fails"
        engine = await lab.start(**QUICK)
        task_id = (await engine.submit(asks(service, 30))).id
        await eventually(lambda: engine.turnstile.breakers.shown("http_request"))
        broken = len(service.calls)
        await eventually(lambda: len(service.calls) >= broken + 3)  # three probes
        rows = await subtasks(engine, task_id)
        service.mood = "works"
        task = await finished(engine, task_id)

        assert broken <= UNDER_WAY
        assert sum(row.spent for row in rows.values()) <= broken + 4
        assert (task.status, task.counts) == (TaskStatus.COMPLETED, {"completed": 30})
        assert service.answered(200) == 30
        assert service.answered(503) <= broken + 5
        ended = await attempts(engine, task_id)
        assert (ended["failed"], ended["completed"]) == (service.answered(503), 30)
        assert ended["postponed"] >= 30 - broken
        assert engine.turnstile.breakers.shown() == []


async def test_a_type_that_fails_is_held_as_a_whole_and_no_attempt_is_made(lab: Lab) -> None:
    far = FAR[lab.namespace] = FarEnd(down=True)
    engine = await lab.start(**QUICK | {"breaker_open_seconds": 1.0})
    task_id = (await engine.submit(calls_far(lab.namespace, 50))).id
    await eventually(lambda: engine.turnstile.breakers.shown("far"))
    why = await engine.answers.why(task_id, "k49")
    far.down = False
    task = await finished(engine, task_id)

    assert [cause.code for cause in why.causes] == ["breaker"]
    assert "4 of the last 4 calls failed" in why.words
    assert task.counts == {"completed": 50}
    assert far.calls <= 50 + UNDER_WAY
    assert (await attempts(engine, task_id))["postponed"] <= UNDER_WAY


async def test_a_fallback_takes_over_while_the_breaker_is_open(lab: Lab) -> None:
    far = FAR[lab.namespace] = FarEnd(down=True)
    engine = await lab.start(**QUICK | {"breaker_open_seconds": 600.0})
    body = calls_far(lab.namespace, 20, fallback={"type": "near", "input": {"name": lab.namespace}})
    task_id = (await engine.submit(body)).id
    task = await finished(engine, task_id)

    assert task.counts == {"completed": 20}
    assert SERVED[lab.namespace] == 20
    assert far.calls <= UNDER_WAY + 4
    assert set((await outputs(engine, task_id)).values()) == {f"near {lab.namespace}"}


async def test_an_open_breaker_is_remembered_over_a_restart(lab: Lab) -> None:
    async with moody_service() as service:
        service.mood = "fails"
        engine = await lab.start(**QUICK | {"breaker_open_seconds": 600.0})
        task_id = (await engine.submit(asks(service, 12))).id
        await eventually(lambda: engine.turnstile.breakers.shown("http_request"))
        await eventually(lambda: _nothing_runs(engine, task_id))
        before = len(service.calls)
        await lab.stop(engine)

        again = await lab.start(**QUICK | {"breaker_open_seconds": 600.0})
        other = (await again.submit(asks(service, 3))).id
        await eventually(lambda: _nothing_runs(again, other))
        shown = again.turnstile.breakers.shown("http_request")
        held = await again.answers.why(other, "k0")
        called = len(service.calls)
        service.mood = "works"
        await again.reset_tool("http_request")

        assert [(breaker.endpoint, breaker.state) for breaker in shown] == [(service.place, "open")]
        assert [cause.code for cause in held.causes] == ["breaker"]
        assert called == before
        assert (await finished(again, task_id)).counts == {"completed": 12}
        assert (await finished(again, other)).counts == {"completed": 3}
        assert service.answered(200) == 15


async def _nothing_runs(engine: Engine, task_id: str) -> bool:
    counts = (await engine.task(task_id)).counts
    return counts.keys() == {"retrying"}


async def test_calls_that_are_slow_open_a_breaker_too(lab: Lab) -> None:
    far = FAR[lab.namespace] = FarEnd(slow=0.05)
    engine = await lab.start(**QUICK | {"breaker_slow_seconds": 0.04})
    task_id = (await engine.submit(calls_far(lab.namespace, 30))).id
    await eventually(lambda: engine.turnstile.breakers.shown("far"))
    reason = engine.turnstile.breakers.shown("far")[0].reason
    far.slow = 0.0

    assert reason == "4 of the last 4 calls were slow"
    assert (await finished(engine, task_id)).counts == {"completed": 30}
    assert far.calls == 30
