"""A task is one trace: from the request that brings it in to what its tools ask elsewhere, whatever engine has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import httpx2
import pytest

from api.app import create_app
from api.metrics import Metrics
from engine.service import Engine
from tests.support.claude import KEY, FakeClaude
from tests.support.engines import GATES, STARTED, Lab, finished
from tests.support.model_plans import asking
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.traces import Collected, collecting

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
QUESTION, ANSWER = "what-nobody-may-read", "what-it-said"


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    with collecting(monkeypatch) as found:
        yield found


def client_of(engine: Engine) -> httpx2.AsyncClient:
    app = create_app(engine, engine.settings, Metrics())
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test")


async def test_one_trace_leads_from_the_request_to_the_call_of_claude(
    lab: Lab, fake: FakeClaude, collected: Collected
) -> None:
    fake.fails(529, "overloaded_error", QUESTION)
    fake.says(ANSWER)
    engine = await lab.start(**asking(fake))
    body = plan(step("ask", type="claude", input={"prompt": QUESTION}), step("last", "ask", type="noop"))
    async with client_of(engine) as client:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        task_id = (await client.post("/tasks", json=body, headers=headers)).json()["task_id"]
        await client.get("/health/live")
        await client.get("/metrics")
    await finished(engine, task_id)
    await lab.stop(engine)

    assert collected.traces == {TRACE}
    task = [CALLER, "POST /tasks", "submit", "task"]
    asked = [*task, "attempt claude", "execute_tool claude", "anthropic.messages.create"]
    assert sorted(map(collected.way, collected.spans)) == sorted(
        [asked[:length] for length in (2, 3, 4)]
        + [asked[:length] for length in (5, 6, 7)] * 2
        + [[*task, "attempt noop"], [*task, "attempt noop", "execute_tool noop"]]
    )
    sent = [headers["traceparent"].split("-") for headers in fake.headers]
    assert [f"{span.context.span_id:016x}" for span in collected.named(asked[-1])] == [part[2] for part in sent]
    outcomes = [dict(span.attributes or {}) for span in collected.named("attempt claude")]
    assert [(one["agent03.attempt.outcome"], one.get("error.type")) for one in outcomes] == [
        ("failed", "transient"),
        ("completed", None),
    ]
    assert not [word for word in (QUESTION, ANSWER, KEY) if word in collected.text]


async def test_a_trace_goes_on_in_the_next_engine(lab: Lab, collected: Collected) -> None:
    engine = await lab.start()
    tracer = collected.provider.get_tracer("program")
    with tracer.start_as_current_span("program"):
        submitted = await engine.submit(plan(step("a"), step("b", "a", type="gate", input={"name": lab.namespace})))
    await eventually(lambda: STARTED[lab.namespace] == 1)
    await lab.stop(engine)
    engine = await lab.start()
    await eventually(lambda: STARTED[lab.namespace] == 2)
    GATES[lab.namespace].set()
    await finished(engine, submitted.task_id)
    shown = await engine.task(submitted.task_id)
    assert len(collected.traces) == 1

    again = await engine.rerun(submitted.task_id, "start")
    await finished(engine, again.task_id)
    await lab.stop(engine)

    submit, rerun = collected.named("submit")
    assert rerun.context.trace_id != submit.context.trace_id
    assert [link.context.span_id for link in rerun.links] == [submit.context.span_id]
    first, second, _ = collected.named("task")
    assert collected.way(first) == collected.way(second) == ["program", "submit", "task"]
    told = [cast(str, (span.attributes or {})["agent03.task.status"]) for span in (first, second)]
    assert told == ["open", shown.status.value] == ["open", "completed"]
    attempts = collected.named("attempt gate")[:2]
    assert [span.parent and span.parent.span_id for span in attempts] == [first.context.span_id, second.context.span_id]
