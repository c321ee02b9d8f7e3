"""A person between a plan and its effect: asked, answered once, by the right one, in time, for exactly that input."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from engine.approvalstore import Verdict
from engine.errors import Conflict, Forbidden, InvalidInput
from engine.plan.happenings import NAMES, name_of
from tests.support.approving import AWAITING, asks, plan, policy_file, row, waits
from tests.support.engines import Lab, finished, marks, story, subtasks
from tests.support.services import eventually


async def test_it_waits_for_a_person_and_runs_once_with_the_input_that_was_shown(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    below = {"key": "b", "type": "noop", "input": "{{subtasks.a.output}}", "dependencies": ["a"]}
    task_id = (await engine.submit(plan(asks(made), below))).task_id
    found = await waits(engine, task_id)
    request = found.request
    assert (request.key, request.type, request.input) == ("a", "mark", {"path": str(made)})
    assert [(reason.rule, reason.words) for reason in request.reasons] == [("plan", "its plan asks for approval")]
    assert (request.behind, request.behind_keys, request.until, found.state) == (1, ("b",), None, "open")
    assert [one.request.id for one in await engine.approvals.all(after="", limit=10)] == [request.id]
    assert marks(made) == []
    why = await engine.answers.why(task_id, "a")
    assert [cause.code for cause in why.causes] == ["approval"]
    assert "its plan asks for approval" in why.words
    await engine.approve(task_id, "a", "ann", "looks right")
    assert (await finished(engine, task_id)).status == "completed"
    assert marks(made) == ["a 2"]
    assert (await row(engine, task_id)).spent == 0
    (kept,) = await engine.approvals.of_task(task_id, waiting=False, after="", limit=10)
    assert kept.verdict is not None
    assert (kept.state, kept.verdict.by, kept.verdict.comment) == ("approved", "ann", "looks right")
    assert kept.verdict.approved_hash == request.hash
    assert await engine.approvals.all(after="", limit=10) == []
    said = [event.detail for event in await story(engine, task_id) if event.event in ("approval_needed", "approve")]
    assert said == ["its plan asks for approval", "ann: looks right"]


async def test_what_is_rejected_never_runs_and_a_retry_asks_again(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    hold = {"key": "z", "type": "gate", "input": {"name": str(tmp_path)}}
    task_id = (await engine.submit(plan(asks(made), hold))).task_id
    first = await waits(engine, task_id)
    await engine.reject(task_id, "a", "ann", "not today")
    failed = await row(engine, task_id)
    error = json.loads(failed.error or "")
    assert (failed.status, error["category"], error["message"]) == (
        "failed",
        "permission",
        "rejected by ann: not today",
    )
    await engine.retry(task_id, "a", "ben")
    second = await waits(engine, task_id)
    assert second.request.hash == first.request.hash
    assert second.request.id != first.request.id
    await engine.cancel(task_id)
    assert (await finished(engine, task_id)).status == "cancelled"
    assert marks(made) == []
    assert await engine.approvals.all(after="", limit=10) == []


async def test_decided_twice_is_refused_in_words_and_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    task_id = (
        await engine.submit(plan(asks(made), {"key": "z", "type": "gate", "input": {"name": str(tmp_path)}}))
    ).task_id
    await waits(engine, task_id)
    await engine.approve(task_id, "a", "ann")
    with pytest.raises(Conflict, match=r"was approved by ann at .* already"):
        await engine.approve(task_id, "a", "ann")
    with pytest.raises(Conflict, match=r"was approved by ann at .* already .*reject is not possible"):
        await engine.reject(task_id, "a", "ben", "too late")
    await eventually(lambda: marks(made) == ["a 2"])
    (kept,) = await engine.approvals.of_task(task_id, waiting=False, after="", limit=10)
    assert kept.verdict is not None
    assert (kept.state, kept.verdict.by) == ("approved", "ann")
    await engine.cancel(task_id)


async def test_only_who_may_decide_decides(lab: Lab, tmp_path: Path) -> None:
    rules = [{"name": "marks", "types": ["ma*"], "approvers": ["ann", "eve"]}]
    engine = await lab.start(approval_policy=policy_file(tmp_path, rules=rules))
    made = tmp_path / "made"
    task_id = (await engine.submit(plan(asks(made, requires_approval=False)))).task_id
    found = await waits(engine, task_id)
    assert found.request.approvers == ("ann", "eve")
    assert found.request.rule == "marks"
    for by in ("ben", ""):
        with pytest.raises(Forbidden, match="ann, eve"):
            await engine.approve(task_id, "a", by)
        with pytest.raises(Forbidden):
            await engine.reject(task_id, "a", by)
    assert (await row(engine, task_id)).status == AWAITING
    assert (await waits(engine, task_id)).verdict is None
    await engine.approve(task_id, "a", "eve")
    assert (await finished(engine, task_id)).status == "completed"
    assert marks(made) == ["a 2"]


async def test_an_amended_input_runs_as_it_was_approved(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    task_id = (await engine.submit(plan(asks(made)))).task_id
    await waits(engine, task_id)
    with pytest.raises(InvalidInput) as faults:
        await engine.approve(task_id, "a", "ann", input={"path": 7})
    assert faults.value.faults[0].pointer == "/input/path"
    with pytest.raises(InvalidInput, match="should be an object"):
        await engine.approve(task_id, "a", "ann", input=[1])
    await engine.approve(task_id, "a", "ann", "other words", {"text": "amended"})
    assert (await finished(engine, task_id)).status == "completed"
    assert marks(made) == ["amended 2"]
    (kept,) = await engine.approvals.of_task(task_id, waiting=False, after="", limit=10)
    assert kept.verdict is not None
    assert json.loads(kept.verdict.amended) == {"text": "amended"}
    assert kept.verdict.approved_hash != kept.request.hash


async def test_one_decision_covers_many_or_nothing(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    rows = [asks(made, key) for key in ("a", "b", "c", "d")]
    task_id = (await engine.submit(plan(*rows))).task_id
    for key in ("a", "b", "c", "d"):
        await waits(engine, task_id, key)
    with pytest.raises(Conflict, match="nope waits for nobody's approval"):
        await engine.approvals.decide(task_id, "approve", keys=["a", "nope"], by="ann")
    assert marks(made) == []
    _, both = await engine.approvals.decide(task_id, "reject", keys=["a", "b"], by="ann", comment="no")
    assert [one.request.key for one in both] == ["a", "b"]
    _, rest = await engine.approvals.decide(task_id, "approve", rule="plan", by="ann")
    assert [one.request.key for one in rest] == ["c", "d"]
    assert len({one.verdict.id for one in rest if one.verdict}) == 1
    assert (await finished(engine, task_id)).status == "failed"
    assert sorted(marks(made)) == ["c 2", "d 2"]
    states = {key: one.status for key, one in (await subtasks(engine, task_id)).items()}
    assert states == {"a": "failed", "b": "failed", "c": "completed", "d": "completed"}


async def test_a_request_survives_a_restart_and_so_does_a_verdict(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    task_id = (await engine.submit(plan(asks(made)))).task_id
    first = await waits(engine, task_id)
    await lab.stop(engine)
    again = await lab.start()
    assert (await waits(again, task_id)).request == first.request
    await again.approve(task_id, "a", "ann")
    assert (await finished(again, task_id)).status == "completed"
    assert marks(made) == ["a 2"]


async def test_a_verdict_whose_move_was_cut_off_is_carried_out_after_the_restart(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    made = tmp_path / "made"
    task_id = (await engine.submit(plan(asks(made), asks(made, "b")))).task_id
    yes, no = [await waits(engine, task_id, key) for key in ("a", "b")]
    at = engine.now()
    await engine._graph.decide_approvals([yes.request.id], Verdict("1", "approved", "ann", at))
    await engine._graph.decide_approvals([no.request.id], Verdict("2", "rejected", "ben", at, "never"))
    await lab.stop(engine)
    again = await lab.start()
    assert (await finished(again, task_id)).status == "failed"
    assert marks(made) == ["a 2"]
    assert "rejected by ben: never" in ((await row(again, task_id, "b")).error or "")


@pytest.mark.parametrize("on_expiry", ["reject", "approve"])
async def test_without_a_verdict_in_time_the_policy_decides(lab: Lab, tmp_path: Path, on_expiry: str) -> None:
    policy = policy_file(tmp_path, timeout_seconds=0.4, on_expiry=on_expiry, approvers=["ann"])
    engine = await lab.start(approval_policy=policy)
    made = tmp_path / "made"
    task_id = (await engine.submit(plan(asks(made)))).task_id
    task = await finished(engine, task_id)
    assert task.status == ("completed" if on_expiry == "approve" else "failed")
    assert marks(made) == (["a 2"] if on_expiry == "approve" else [])
    (kept,) = await engine.approvals.of_task(task_id, waiting=False, after="", limit=10)
    assert kept.verdict is not None
    assert (kept.verdict.by, kept.verdict.comment.partition(" until ")[0]) == ("expiry", "nobody decided")


async def test_what_expires_while_no_engine_runs_is_decided_at_the_next_start(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start(approval_timeout_seconds=0.3)
    made = tmp_path / "made"
    task_id = (await engine.submit(plan(asks(made)))).task_id
    request = (await waits(engine, task_id)).request
    await lab.stop(engine)
    assert request.until is not None
    await eventually(lambda: time.time() * 1000 > (request.until or 0) + 100)
    again = await lab.start()
    assert (await finished(again, task_id)).status == "failed"
    assert marks(made) == []


async def test_a_callback_hears_that_somebody_is_asked(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    task_id = (await engine.submit(plan(asks(tmp_path / "made")))).task_id
    await waits(engine, task_id)
    names = [name_of(event) for event in await story(engine, task_id)]
    assert names[-1] == "approval.requested"
    assert "approval.requested" in NAMES
    await engine.cancel(task_id)
