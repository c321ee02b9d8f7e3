"""What is called too often waits as state, spends nothing, and comes when there is room; call counts prove it."""

from __future__ import annotations

import time

from engine.model import Json
from tests.integration.test_breakers import QUICK, attempts
from tests.support.engines import Lab, finished, run, subtasks
from tests.support.limit_tools import FAR, FarEnd
from tests.support.moody import moody_service
from tests.support.plans import plan, step
from tests.support.services import eventually

MANY: dict[str, Json] = QUICK | {"max_parallel_tasks": 12}


async def test_a_host_is_called_no_more_often_than_the_settings_say(lab: Lab) -> None:
    async with moody_service() as service:
        engine = await lab.start(**MANY, rate_limits=f"host={service.place}:10/second")
        await run(engine, plan(step("first", type="http_request", input={"url": service.url()})))  # loads the client
        service.calls.clear()
        begun = time.monotonic()
        steps = [step(f"k{n}", type="http_request", input={"url": service.url(f"/{n}")}) for n in range(25)]
        task_id = (await engine.submit(plan(*steps))).id
        await eventually(lambda: len(service.calls) >= 10)
        why = await engine.answers.why(task_id, "k24")
        task = await finished(engine, task_id)

        assert task.counts == {"completed": 25}
        assert service.kept(10, begun)
        assert [cause.code for cause in why.causes] == ["rate_limit"]
        assert f"rate limit of host {service.place}: 10/second" in why.words
        ended = await attempts(engine, task_id)
        assert ended["completed"] == 25 == len(service.calls)
        assert all(row.spent == 0 for row in (await subtasks(engine, task_id)).values())


async def test_subtasks_that_give_the_same_key_share_a_limit(lab: Lab) -> None:
    one, other = FAR[f"{lab.namespace}-a"], FAR[f"{lab.namespace}-b"] = FarEnd(slow=0.03), FarEnd(slow=0.03)
    limits = [{"key": "account {{value.name}} of {{input.owner}}", "concurrency": 2}]
    engine = await lab.start(**MANY)
    steps = [
        step(f"{which}{n}", type="far", input={"name": f"{lab.namespace}-{which}"}, limits=limits)
        for n in range(9)
        for which in "ab"
    ]
    task_id = (await engine.submit(plan(*steps, input={"owner": "ann"}))).id
    task = await finished(engine, task_id)

    assert task.counts == {"completed": 18}
    assert (one.most_inside, other.most_inside) == (2, 2)
    assert (one.calls, other.calls) == (9, 9)


async def test_a_service_that_limits_is_left_alone_as_long_as_it_says(lab: Lab) -> None:
    async with moody_service() as service:
        service.mood, service.per_second = "limits", 4
        engine = await lab.start(**MANY, retry_backoff_seconds=0.01, max_retries=8)
        steps = [step(f"k{n}", type="http_request", input={"url": service.url(f"/{n}")}) for n in range(16)]
        task_id = (await engine.submit(plan(*steps))).id
        task = await finished(engine, task_id)

        assert task.counts == {"completed": 16}
        assert service.answered(200) == 16
        assert service.answered(429) <= 24
        assert engine.turnstile.breakers.openings == 0
