"""The verbs on the wire: bodies, answers, refusals; idempotency keys; states in filters; what a task shows of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api import schemas
from engine.command import Command
from engine.errors import Conflict, GraphUnavailable, InvalidInput, KeyReused, NotFound
from engine.idempotency import request_key
from engine.model import Attempt, Event, Pause
from engine.states import SubtaskStatus, TaskStatus
from tests.support.fake_engine import NOW, FakeEngine, a_subtask, a_task
from tests.support.http import client_of, problem, read

VERBS = [
    "cancel",
    "pause",
    "resume",
    "subtasks/a/retry",
    "subtasks/a/skip",
    "subtasks/a/approve",
    "subtasks/a/reject",
]
each_verb = pytest.mark.parametrize("verb", VERBS)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(held_tasks=[a_task()], held_subtasks=[a_subtask("a"), a_subtask("b", 1)])


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(engine) as client:
        yield client


# --- verbs -----------------------------------------------------------------------------------------------------------


async def test_each_verb_reaches_the_engine_with_what_was_sent(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    now: dict[str, Any] = {"mode": "now", "timeout_seconds": 60, "on_timeout": "cancel"}
    for path, body in [
        ("resume", None),
        ("pause", None),
        ("pause", now),
        ("subtasks/m[0]/retry", {}),
        ("subtasks/a.b:c+d/skip", None),
        ("subtasks/a/approve", {"comment": "looks right"}),
        ("subtasks/a/reject", {"comment": "too dear"}),
        ("subtasks/a/reject", None),
    ]:
        sent = {} if body is None else {"json": body}
        answer = read(schemas.TaskAnswer, await client.post(f"/tasks/T0001/{path}", **sent))
        assert (answer.task.id, answer.detail) == ("T0001", None)
    assert engine.commands == [
        Command("resume", "T0001"),
        Command("pause", "T0001"),
        Command("pause", "T0001", mode="now", timeout_seconds=60.0, on_timeout="cancel"),
        Command("retry", "T0001", "m[0]"),
        Command("skip", "T0001", "a.b:c+d"),
        Command("approve", "T0001", "a", comment="looks right"),
        Command("reject", "T0001", "a", comment="too dear"),
        Command("reject", "T0001", "a"),
    ]


async def test_a_cancelled_task_is_answered_with(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(status=TaskStatus.CANCELLED, counts={"cancelled": 2})]
    answer = read(schemas.TaskAnswer, await client.post("/tasks/T0001/cancel"))
    assert (answer.task.status, answer.detail) == (TaskStatus.CANCELLED, None)


async def test_a_cancellation_that_takes_its_time_is_202(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(gate="cancelling", gate_detail="ann")]
    answer = read(schemas.TaskAnswer, await client.post("/tasks/T0001/cancel"), 202)
    assert "accepted, not yet applied" in answer.detail
    assert (answer.task.status, answer.task.gate) == (TaskStatus.PROCESSING, "cancelling")


@each_verb
async def test_a_verb_that_is_not_applied_in_time_is_202_and_says_so(
    client: httpx2.AsyncClient, engine: FakeEngine, verb: str
) -> None:
    engine.applied = False
    answer = read(schemas.TaskAnswer, await client.post(f"/tasks/T0001/{verb}"), 202)
    assert answer.detail.startswith("accepted, not yet applied")
    assert answer.task.status is TaskStatus.PROCESSING


@each_verb
async def test_an_illegal_move_is_409_with_the_state_and_what_is_legal(
    client: httpx2.AsyncClient, engine: FakeEngine, verb: str
) -> None:
    engine.refusal = Conflict("it is paused; legal now: resume", state="paused", legal=["resume", "cancel"])
    found = problem(await client.post(f"/tasks/T0001/{verb}"), 409, "conflict")
    assert (found.state, found.legal_moves) == ("paused", ["resume", "cancel"])


async def test_a_conflict_without_a_state_names_none(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.refusal = Conflict("another engine is at it")
    response = await client.post("/tasks/T0001/cancel")
    problem(response, 409, "conflict")
    assert not {"state", "legal_moves"} & response.json().keys()


@each_verb
async def test_unknown_ids_and_keys_are_404_and_a_lost_graph_503(
    client: httpx2.AsyncClient, engine: FakeEngine, verb: str
) -> None:
    problem(await client.post(f"/tasks/T9999/{verb}"), 404, "not-found")
    engine.refusal = NotFound("no subtask of that key: GET /tasks/T0001/subtasks lists them")
    problem(await client.post(f"/tasks/T0001/{verb}"), 404, "not-found")
    engine.refusal = GraphUnavailable("no answer")
    problem(await client.post(f"/tasks/T0001/{verb}"), 503, "graph-unavailable")


@pytest.mark.parametrize(
    ("verb", "body", "pointer", "said"),
    [
        ("pause", {"mode": "drian"}, "/mode", 'did you mean "drain"?'),
        ("pause", {"timeout_seconds": 5, "on_timeout": "resmue"}, "/on_timeout", 'did you mean "resume"?'),
        ("pause", {"timeout": 5}, "/timeout", "there is no field"),
        ("pause", {"timeout_seconds": 0}, "/timeout_seconds", "greater than 0"),
        ("pause", {"timeout_seconds": "5"}, "/timeout_seconds", "number"),
        ("pause", {"on_timeout": "cancel"}, "", "on_timeout needs timeout_seconds"),
        ("pause", [], "", "Pause"),
        ("cancel", {"mode": "now"}, "/mode", "there is no field"),
        ("subtasks/a/approve", {"input": [2]}, "/input", "dictionary"),
        ("subtasks/a/reject", {"input": {"n": 2}}, "/input", "there is no field"),
        ("subtasks/a/reject", {"comment": 5}, "/comment", "string"),
        ("subtasks/a/reject", {"comment": "x" * 1001}, "/comment", "1000"),
    ],
)
async def test_a_faulty_body_is_400_with_its_place(
    client: httpx2.AsyncClient, engine: FakeEngine, verb: str, body: Any, pointer: str, said: str
) -> None:
    found = problem(await client.post(f"/tasks/T0001/{verb}", json=body), 400, "invalid-input")
    assert [fault.pointer for fault in found.errors] == [pointer]
    assert said in found.errors[0].detail
    assert engine.commands == []


# --- idempotency keys ------------------------------------------------------------------------------------------------


async def test_a_key_goes_to_the_engine_and_its_repetition_is_marked(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    first = await client.post("/tasks", json={}, headers={"idempotency-key": "k-1"})
    again = await client.post("/tasks", json={}, headers={"idempotency-key": "k-1"})
    assert read(schemas.Created, first) == read(schemas.Created, again)
    assert (first.headers["location"], again.headers["location"]) == ("/tasks/T0001", "/tasks/T0001")
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert engine.keys == ["k-1", "k-1"]


async def test_a_key_with_another_body_is_409(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.failure = KeyReused("that key made task T0001")
    problem(await client.post("/tasks", json={}, headers={"idempotency-key": "k"}), 409, "idempotency-key-reused")


async def test_two_keys_are_one_too_many(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    response = await client.post("/tasks", json={}, headers=[("idempotency-key", "a"), ("idempotency-key", "b")])
    assert "send one" in problem(response, 400, "invalid-input").detail
    assert engine.bodies == []


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "k\u00e4se", "a\n", "a\x7f"])
def test_a_key_of_another_form_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 255 visible ASCII characters"):
        request_key(key, "submit", {})


def test_the_hash_follows_the_meaning_of_the_body_and_what_is_asked_for() -> None:
    one = request_key("k" * 255, "submit", {"a": 1, "b": [1, 2**70]})
    assert one == request_key("k" * 255, "submit", {"b": [1, 2**70], "a": 1})
    others = [("submit", {"a": 1}), ("submit", {"a": 1, "b": [1, 2**70 + 1]}), ("rerun T1", {"a": 1, "b": [1, 2**70]})]
    assert len({one.hash, *(request_key("k", operation, body).hash for operation, body in others)}) == 4
    with pytest.raises(InvalidInput, match="not JSON"):
        request_key("k", "submit", {"a": object()})


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("processing", TaskStatus.PROCESSING),
        ("running", TaskStatus.PROCESSING),
        ("In-Progress", TaskStatus.PROCESSING),
        ("succeeded", TaskStatus.COMPLETED),
        ("canceled", TaskStatus.CANCELLED),
        ("suspended", TaskStatus.PAUSED),
        ("queued", TaskStatus.PENDING),
    ],
)
async def test_what_other_systems_call_a_state_of_a_task_is_understood(
    client: httpx2.AsyncClient, engine: FakeEngine, word: str, status: TaskStatus
) -> None:
    engine.held_tasks = [a_task(number, status=each) for number, each in enumerate(TaskStatus, 1)]
    page = read(schemas.TaskPage, await client.get("/tasks", params={"status": word}))
    assert [task.status for task in page.tasks] == [status]


async def test_what_other_systems_call_a_state_of_a_subtask_is_understood(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    engine.held_subtasks = [a_subtask(each.value, n, status=each) for n, each in enumerate(SubtaskStatus)]
    for word, key in [("queued", "ready"), ("done", "completed"), ("quarantined", "quarantined")]:
        page = read(schemas.SubtaskPage, await client.get("/tasks/T0001/subtasks", params={"status": word}))
        assert [row.key for row in page.subtask_results] == [key]


@pytest.mark.parametrize(
    ("path", "word", "hint"),
    [
        ("/tasks", "runing", 'did you mean "running"?'),
        ("/tasks", "quarantined", "pending, processing, paused, completed, failed, cancelled"),
        ("/tasks/T0001/subtasks", "quarantine", 'did you mean "quarantined"?'),
        ("/tasks/T0001/subtasks", "paused", "awaiting_approval"),
    ],
)
async def test_an_unknown_state_is_400_with_the_nearest_one(
    client: httpx2.AsyncClient, path: str, word: str, hint: str
) -> None:
    found = problem(await client.get(path, params={"status": word}), 400, "invalid-input")
    assert [fault.parameter for fault in found.errors] == ["status"]
    assert hint in found.detail


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "gate", "pause"),
    [
        ({"pause": Pause("ann")}, "pausing", ("ann", None, "resume")),
        (
            {"pause": Pause("", NOW, "cancel"), "counts": {"ready": 2}},
            "paused",
            ("", "2026-11-18T11:06:40.123Z", "cancel"),
        ),
        ({"pause": Pause(), "gate": "cancelling"}, "cancelling", ("", None, "resume")),
        ({"gate": "failing"}, "failing", None),
        ({"gate": "expired"}, "expired", None),
        ({}, None, None),
    ],
)
async def test_a_task_says_why_nothing_of_it_starts(
    client: httpx2.AsyncClient, engine: FakeEngine, changes: dict[str, Any], gate: str | None, pause: Any
) -> None:
    status = TaskStatus.PAUSED if "pause" in changes else TaskStatus.PROCESSING
    engine.held_tasks = [a_task(status=status, **changes)]
    task = read(schemas.TaskDocument, await client.get("/tasks/T0001")).task
    assert task.gate == gate
    assert (task.pause and (task.pause.by, task.pause.until, task.pause.on_timeout)) == pause


async def test_what_still_runs_of_a_paused_task_is_named(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(status=TaskStatus.PAUSED, pause=Pause())]
    engine.held_subtasks = [a_subtask("a", status=SubtaskStatus.PROCESSING)]
    assert read(schemas.TaskDocument, await client.get("/tasks/T0001")).task.current == ["a"]


SAID = (
    '{"category":"logic","message":"1 subtask(s) failed (a)","suggestion":"",'
    '"subtasks":[{"key":"a","status":"failed"}],"impact":{"blocked":3}}'
)


async def test_warnings_of_a_completed_task_are_no_error(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(status=TaskStatus.COMPLETED, counts={"completed": 1, "failed": 1}, error=SAID)]
    task = read(schemas.TaskDocument, await client.get("/tasks/T0001")).task
    assert task.error is None
    assert [(row.key, row.status) for row in task.warnings] == [("a", SubtaskStatus.FAILED)]
    assert task.impact == {"blocked": 3}


async def test_a_failed_task_has_an_impact_and_no_warnings(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(status=TaskStatus.FAILED, counts={"failed": 1, "blocked": 3}, error=SAID)]
    task = read(schemas.TaskDocument, await client.get("/tasks/T0001")).task
    assert (task.error.message, task.warnings, task.impact) == ("1 subtask(s) failed (a)", [], {"blocked": 3})


async def test_a_subtask_that_waits_for_its_next_attempt_says_when(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    error = '{"category":"transient","message":"no answer","suggestion":"wait","attempt":1}'
    rest = {"ran_on": "E1", "started_at": NOW, "finished_at": NOW, "output_hash": None, "output_bytes": 0}
    engine.attempts = [
        Attempt(token=number, outcome="failed", output='"half"', error=error, **rest)  # type: ignore[arg-type]
        for number in (1, 2)
    ]
    engine.held_subtasks = [
        a_subtask("a", status=SubtaskStatus.RETRYING, wake_at=NOW + 1000, output='"half"', error=error, reason="slow")
    ]
    detail = read(schemas.SubtaskDetail, await client.get("/tasks/T0001/subtasks/a"))
    assert (detail.subtask.retry_at, detail.subtask.output) == ("2026-11-18T11:06:41.123Z", "half")
    assert detail.subtask.reason == "slow"
    assert [attempt.retry_at for attempt in detail.attempts] == [None, "2026-11-18T11:06:41.123Z"]
    assert [(attempt.error.category, attempt.error.suggestion, attempt.output) for attempt in detail.attempts] == [
        ("transient", "wait", "half"),
        ("transient", "wait", "half"),
    ]


async def test_an_event_says_what_happened_from_where_to_where_and_who_asked(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    engine.held_events = [
        Event("T0001", 1, NOW, "", "pending", 0, "created"),
        Event("T0001", 2, NOW, "a", "skipped", 3, "skip", "failed", "ann"),
    ]
    events = (await client.get("/tasks/T0001/events")).json()["events"]
    rest = {"at": "2026-11-18T11:06:40.123Z"}
    assert events == [
        rest
        | {"seq": 1, "key": None, "event": "created", "from": None, "to": "pending", "status": "pending"}
        | {"token": None, "detail": None},
        rest
        | {"seq": 2, "key": "a", "event": "skip", "from": "failed", "to": "skipped", "status": "skipped"}
        | {"token": 3, "detail": "ann"},
    ]
