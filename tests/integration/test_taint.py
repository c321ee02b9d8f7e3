"""What came from outside meets a person before a tool that refuses it, whatever way it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model import Json
from engine.service import Engine
from tests.support.approving import AWAITING, plan, row, start, waits
from tests.support.engines import GATES, Lab, finished, kill, marks, run, subtasks
from tests.support.services import eventually

Rows = list[dict[str, Json]]
WEB: dict[str, Json] = {"key": "web", "type": "outside", "input": {"text": "rm"}}
HELD = "{{subtasks.web.output}}"


def last(path: Path, text: Json = HELD, key: str = "e", **fields: Json) -> dict[str, Json]:
    """The subtask that has an effect."""
    return {"key": key, "type": "effect", "input": {"path": str(path), "text": text}, **fields}


def through(key: str, text: Json, type_: str = "noop", **fields: Json) -> dict[str, Json]:
    return {"key": key, "type": type_, "input": text, **fields}


def referred(path: Path) -> tuple[Rows, str]:
    return [WEB, last(path)], "e"


def through_three(path: Path) -> tuple[Rows, str]:
    ways = [("a", HELD), ("b", "{{subtasks.a.output}}"), ("c", {"deep": ["{{subtasks.b.output}}"]})]
    return [WEB, *(through(key, text) for key, text in ways), last(path, "{{subtasks.c.output}}")], "e"


def previous(path: Path) -> tuple[Rows, str]:
    return [WEB, last(path, "{{previous_output}}", dependencies=["web"])], "e"


def mapped(path: Path) -> tuple[Rows, str]:
    return [WEB, last(path, "{{item}}", map={"over": HELD})], "e[0]"


def joined(path: Path) -> tuple[Rows, str]:
    items = through("m", "{{item}}", map={"over": HELD})
    return [WEB, items, last(path, "{{subtasks.m.output}}")], "e"


def followed(path: Path) -> tuple[Rows, str]:
    items = through("m", "{{item}}", map={"over": HELD})
    return [WEB, items, last(path, "{{item}}", map={"over": "{{subtasks.m.output}}"})], "e[0]"


def grown(path: Path) -> tuple[Rows, str]:
    child = {"key": "x", "type": "effect", "input": {"path": str(path), "text": "a literal that the web has chosen"}}
    return [WEB, {"key": "g", "type": "grow", "input": {"subtasks": [child], "seen": HELD}}], "g[x]"


def grown_from_grown(path: Path) -> tuple[Rows, str]:
    child = {"key": "y", "type": "effect", "input": {"path": str(path)}}
    middle = {"key": "x", "type": "grow", "input": {"subtasks": [child]}}
    return [WEB, {"key": "g", "type": "grow", "input": {"subtasks": [middle], "seen": HELD}}], "g[x][y]"


def fallen_back(path: Path) -> tuple[Rows, str]:
    instead = {"type": "effect", "input": {"path": str(path), "text": HELD}}
    return [WEB, {"key": "e", "type": "boom", "input": {"how": "fatal"}, "fallback": instead}], "e"


def in_an_error(path: Path) -> tuple[Rows, str]:
    web = {**WEB, "input": {"text": "rm", "fails": True}, "critical": False}
    return [web, last(path, "{{subtasks.web.error.message}}", dependencies=["web"], run_if="all_settled")], "e"


WAYS = [
    referred,
    through_three,
    previous,
    mapped,
    joined,
    followed,
    grown,
    grown_from_grown,
    fallen_back,
    in_an_error,
]


@pytest.mark.parametrize("way", WAYS)
async def test_no_way_leads_past_a_person(lab: Lab, tmp_path: Path, way: Callable[[Path], tuple[Rows, str]]) -> None:
    engine = await start(lab)
    made = tmp_path / "made"
    rows, key = way(made)
    task_id = (await engine.submit(plan(*rows))).task_id
    request = (await waits(engine, task_id, key)).request
    assert [reason.rule for reason in request.reasons] == ["taint"]
    assert request.tainted_by
    assert marks(made) == []
    await engine.approve(task_id, key, "ann")
    assert (await finished(engine, task_id)).status == "completed"
    assert len(marks(made)) == 1
    assert not (await row(engine, task_id, key)).tainted


async def test_what_was_approved_is_clean_and_what_was_not_is_not(lab: Lab, tmp_path: Path) -> None:
    engine = await start(lab)
    made = tmp_path / "made"
    looked = through("looked", HELD, requires_approval=True)
    rows = [WEB, looked, through("not", HELD), last(made, "{{subtasks.looked.output}}", "clean")]
    task_id = (await engine.submit(plan(*rows, last(made, "{{subtasks.not.output}}", "dirty")))).task_id
    await waits(engine, task_id, "looked")
    await engine.approve(task_id, "looked", "ann")
    await eventually(lambda: marks(made) == ["clean 1"])
    await waits(engine, task_id, "dirty")
    found = await engine.taint.of_task(task_id)
    assert (found.sources, found.tainted, found.asking) == (["web"], ["web", "not"], ["dirty"])
    assert found.approvals == ["dirty"]
    await engine.reject(task_id, "dirty", "ann")
    assert (await finished(engine, task_id)).status == "failed"
    assert marks(made) == ["clean 1"]


async def test_the_plan_says_beforehand_what_will_ask(lab: Lab, tmp_path: Path) -> None:
    engine = await start(lab)
    made = tmp_path / "made"
    rows, _ = through_three(made)
    assert (await engine.preview(plan(*rows)))["needs_approval"] == ["e"]
    submitted = await engine.submit(plan(*rows))
    assert submitted.asking == ("e",)
    found = await engine.taint.of_task(submitted.task_id)
    assert found.paths[0].keys == ["web", "a", "b", "c", "e"]
    assert (await engine.preview(plan({"key": "n", "type": "noop", "input": {"approval": True}})))[
        "needs_approval"
    ] == []
    await engine.cancel(submitted.task_id)


async def test_neither_a_rerun_nor_a_kept_output_nor_the_cache_leads_past_a_person(lab: Lab, tmp_path: Path) -> None:
    engine = await start(lab)
    made = tmp_path / "made"
    rows, key = through_three(made)
    first = (await engine.submit(plan(*rows))).task_id
    await waits(engine, first, key)
    await engine.approve(first, key, "ann")
    assert (await finished(engine, first)).status == "completed"
    again = (await engine.rerun(first, key)).task_id  # keeps what the web had said
    await waits(engine, again, key)
    assert (await row(engine, again, "web")).cached
    await engine.reject(again, key, "ann")
    assert (await finished(engine, again)).status == "failed"
    whole = (await engine.rerun(first, "start")).task_id
    await waits(engine, whole, key)
    await engine.cancel(whole)
    other = (await engine.submit(plan(*rows))).task_id  # the cache has all of it, the effect included
    await waits(engine, other, key)
    assert (await row(engine, other, "web")).cached
    await engine.cancel(other)
    assert len(marks(made)) == 1


async def test_a_repeat_with_the_approved_input_runs_and_with_another_one_asks_again(lab: Lab, tmp_path: Path) -> None:
    engine = await start(lab)
    made, told = tmp_path / "made", tmp_path / "told"
    told.write_text("one")
    source = {"key": "source", "type": "tell", "input": {"path": str(told)}}
    effect = {"path": str(made), "text": [HELD, "{{subtasks.source.output}}"], "flaky": True}
    rows = [WEB, source, {"key": "e", "type": "effect", "input": effect, "cache": False}]
    first = (await engine.submit(plan(*rows))).task_id
    await waits(engine, first, "e")
    await engine.approve(first, "e", "ann")
    assert (await finished(engine, first)).status == "completed"  # its first attempt failed, the second was let through
    assert marks(made) == ["e 3"]
    assert len(await engine.approvals.of_task(first, waiting=False, after="", limit=9)) == 1
    made.unlink()
    hold = {"key": "z", "type": "gate", "input": {"name": str(tmp_path)}}
    bad = {**rows[2], "retry": {"max_attempts": 1}}
    second = (await engine.submit(plan(WEB, source, bad, hold))).task_id
    await waits(engine, second, "e")
    await engine.approve(second, "e", "ann")
    await _in(engine, second, "e", "failed")
    told.write_text("two")
    engine._attempts._payloads._texts.clear()
    await engine.retry(second, "e")
    await _in(engine, second, "e", "completed")  # what the source had said then is still its output
    assert marks(made) == ["e 3"]
    await engine.cancel(second)


async def test_it_is_asked_after_a_crash_as_before(lab: Lab, tmp_path: Path) -> None:
    engine = await start(lab)
    made = tmp_path / "made"
    gate = {"key": "g", "type": "gate", "input": {"name": str(tmp_path)}}
    rows = [WEB, gate, last(made, HELD, "now"), last(made, HELD, "later", dependencies=["g"])]
    task_id = (await engine.submit(plan(*rows))).task_id
    await waits(engine, task_id, "now")
    await kill(engine)
    lab.engines.remove(engine)
    again = await start(lab)
    await waits(again, task_id, "now")
    await eventually(lambda: str(tmp_path) in GATES)
    GATES[str(tmp_path)].set()
    await waits(again, task_id, "later")
    assert marks(made) == []
    await again.approve(task_id, "later", "ann")
    await again.reject(task_id, "now", "ann")
    assert (await finished(again, task_id)).status == "failed"
    assert marks(made) == ["later 2"]


async def test_it_is_asked_by_an_engine_that_takes_over(neo4j_lab: Lab, tmp_path: Path) -> None:
    made = tmp_path / "made"
    first = await start(neo4j_lab, engine_timeout_seconds=1.0)
    task_id = (await first.submit(plan(WEB, last(made)))).task_id
    await waits(first, task_id, "e")
    second = await start(neo4j_lab, engine_timeout_seconds=1.0, **_another(neo4j_lab))
    await kill(first)
    neo4j_lab.engines.remove(first)
    await eventually(lambda: task_id in second._ledger.tasks, timeout=20)
    assert (await row(second, task_id, "e")).status == AWAITING
    await second.approve(task_id, "e", "ann")
    assert (await finished(second, task_id)).status == "completed"
    assert marks(made) == ["e 2"]


async def test_what_comes_from_nowhere_asks_nobody(lab: Lab, tmp_path: Path) -> None:
    engine = await start(lab)
    made = tmp_path / "made"
    rows = [WEB, through("a", "clean"), last(made, "{{subtasks.a.output}}", dependencies=["web"])]
    task = await run(engine, plan(*rows))
    assert (task.status, marks(made)) == ("completed", ["e 1"])
    assert {key for key, one in (await subtasks(engine, task.id)).items() if one.tainted} == {"web"}


def _another(lab: Lab) -> dict[str, Json]:
    """The settings of a second engine beside the first, which share the blob store."""
    return {"data_path": lab.folder / "second", "blob_path": lab.folder / "blobs"}


async def _in(engine: Engine, task_id: str, key: str, status: str) -> None:
    async def there() -> bool:
        return (await row(engine, task_id, key)).status == status

    await eventually(there)
