"""Reports, differences and drawings of real runs, on both graphs and over REST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api import schemas
from api.diff_view import DiffView
from api.report_view import ReportView
from engine.model import Json
from tests.support.asking import Asker, asker, gate
from tests.support.engines import GATES, Lab, finished, run
from tests.support.http import problem, read
from tests.support.plans import Body, diamond, plan, step

HOSTILE = "| </td><script>alert(1)</script> `*x*` [a](http://b)"


@pytest.fixture
async def one(lab: Lab) -> AsyncIterator[Asker]:
    async with asker(lab) as found:
        yield found


async def _report(asked: Asker, task_id: str) -> ReportView:
    report: ReportView = read(ReportView, await asked.client.get(f"/tasks/{task_id}/report"))
    return report


async def _markdown(asked: Asker, task_id: str) -> str:
    answer = await asked.client.get(f"/tasks/{task_id}/report", headers={"Accept": "text/markdown"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    return answer.text


async def _diff(asked: Asker, a: str, b: str) -> DiffView:
    found: DiffView = read(DiffView, await asked.client.get(f"/tasks/{a}/diff/{b}"))
    return found


def _body(broken: Path, log: Path, **fields: Json) -> Body:
    """A slow start, a repeat, a failure with two behind it, and an end that waits for the repeat."""
    mend = step("mend", "slow", type="mend", input={"path": str(log), "broken": str(broken)}, retry={"max_attempts": 1})
    return plan(
        step("slow", type="sleep", input={"seconds": 0.2}),
        step("repeat", "slow", type="fail", input={"category": "transient", "times": 1}),
        mend,
        step("lost", "mend"),
        step("gone", "lost"),
        step("end", "repeat", type="sleep", input={"seconds": 0.1}),
        **{"name": HOSTILE, **fields},
    )


async def test_a_run_with_a_failure_and_a_repeat_and_its_rerun(one: Asker, tmp_path: Path) -> None:
    broken, log = tmp_path / "broken", tmp_path / "log"
    broken.touch()
    first = await run(one.engine, _body(broken, log))

    report = await _report(one, first.id)
    assert (report.status, report.subtasks) == ("failed", {"completed": 3, "failed": 1, "blocked": 2})
    assert "3 of 6 subtasks completed. 1 subtask failed, and 2 others could not run because of that." in report.words
    (failure,) = report.failures
    assert (failure.key, failure.category, failure.suggestion, failure.behind.count) == ("mend", "logic", "Mend it.", 2)
    assert (report.retries.subtasks, report.retries.attempts, report.retries.most) == (1, 1, [("repeat", 2)])
    assert {row.key for row in report.slowest} == {"slow", "repeat", "mend", "end"}
    assert [hop.key for hop in report.path.hops] == ["slow", "repeat", "end"]
    assert report.path.seconds >= 0.3
    assert 1 <= report.busy.peak <= 2
    assert {"it was submitted", "the first subtask started", "it ended"} <= {row.what for row in report.timeline}
    assert report.next[0] == "mend: Mend it."
    page = await _markdown(one, first.id)
    assert "| `mend` | logic | mend is broken | Mend it. | 2 |" in page
    assert "<script>" not in page
    assert page.startswith(r"# \| &lt;/td&gt;&lt;script&gt;")

    broken.unlink()
    second = await finished(one.engine, (await one.engine.rerun(first.id)).task_id)
    again = await _report(one, second.id)
    assert (again.status, again.rerun_of, again.saved.reused) == ("completed", first.id, 3)
    assert [row.key for row in again.slowest if row.key in ("slow", "repeat")] == []
    assert [hop.key for hop in again.path.hops][-2:] == ["lost", "gone"]
    assert "3 from the task that it reruns" in await _markdown(one, second.id)

    found = await _diff(one, first.id, second.id)
    assert (found.shape.same, found.inputs_changed, found.task) == (True, 0, [])
    assert set(found.statuses) == {
        ("mend", "failed", "completed"),
        ("lost", "blocked", "completed"),
        ("gone", "blocked", "completed"),
    }
    assert (found.results.equal, found.results.different) == (3, 3)
    assert found.words.startswith(f"{second.id} is a rerun of {first.id}. The plan is the same: 6 subtasks.")


async def test_two_plans_that_differ(one: Asker, tmp_path: Path) -> None:
    body = _body(tmp_path / "no", tmp_path / "log")
    first = await run(one.engine, body | {"max_parallel": 1})
    steps = body["plan"]["subtasks"]
    steps[0]["input"] = {"seconds": 0.0}
    steps[1]["retry"] = {"max_attempts": 5}
    steps[5]["key"] = "finish"
    steps.append(step("more", "gone", "finish"))
    second = await run(one.engine, body)

    found = await _diff(one, first.id, second.id)
    assert (found.shape.added, found.shape.removed, found.shape.renamed) == (["more"], [], [("end", "finish")])
    assert set(found.shape.edges_added) == {("gone", "more"), ("finish", "more")}
    assert found.shape.edges_removed == []
    changed = {row.key: [(change.path, change.before, change.after) for change in row.changes] for row in found.inputs}
    assert changed["slow"] == [("/input/seconds", "0.2", "0.0")]
    assert [path for path, _, _ in changed["repeat"]] == ["/retry"]
    assert set(changed) == {"slow", "repeat"}
    assert [change.path for change in found.task] == ["/max_parallel"]
    assert "slow" in {row.key for row in found.durations.most}
    assert ("slow" in found.results.keys, found.results.different) == (True, 1)


async def test_a_task_that_still_runs_has_a_report_too(one: Asker, namespace: str) -> None:
    task_id = await one.submit(plan(step("a"), gate("b", namespace, "a"), step("c", "b")))
    await one.until(task_id, b="processing")
    report = await _report(one, task_id)
    assert (report.seconds, report.completed_at, report.result) == (None, None, None)
    assert report.next == [f"GET /tasks/{task_id}/why says what holds it up now"]
    assert "**ended:** not yet" in await _markdown(one, task_id)
    GATES.setdefault(namespace, asyncio.Event()).set()
    await finished(one.engine, task_id)


async def test_what_is_not_there_is_a_404(one: Asker) -> None:
    task = await run(one.engine, plan(step("a")))
    for path in ("nobody/report", f"nobody/diff/{task.id}", f"{task.id}/diff/nobody"):
        problem(await one.client.get(f"/tasks/{path}"), 404, "not-found")


async def test_a_wide_task_is_reported_page_by_page(one: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.answers.reporting.PAGE", 100)
    task = await run(one.engine, diamond(498))
    report = await _report(one, task.id)
    assert (report.subtasks, sum(row.count for row in report.types)) == ({"completed": 500}, 500)
    assert [hop.key for hop in report.path.hops][::2] == ["top", "end"]
    assert len(report.slowest) == 10

    drawn = read(schemas.CollapsedGraphView, await one.client.get(f"/tasks/{task.id}/graph?collapse=true"))
    assert [(node.key, node.count) for node in drawn.nodes] == [("top", 1), ("m#", 498), ("end", 1)]
    assert (drawn.edges, drawn.critical_path) == ([("top", "m#"), ("m#", "end")], ["top", "m#", "end"])
    query = "collapse=true&layout=true&members=true&open=m%23"
    drawn = read(schemas.CollapsedGraphView, await one.client.get(f"/tasks/{task.id}/graph?{query}"))
    assert len({(node.x, node.y) for node in drawn.nodes}) == 500 and drawn.layout is not None
    assert drawn.nodes[0].members == [("top", "completed")]
    same = await _diff(one, task.id, task.id)
    assert (same.shape.same, same.results.equal, same.truncated) == (True, 500, False)


async def test_the_longest_way_goes_through_what_has_grown(one: Asker) -> None:
    grown = [step("x", type="sleep", input={"seconds": 0.3}), step("y", "x")]
    task = await run(
        one.engine, plan(step("g", type="grow", input={"subtasks": grown}), step("end", "g"), step("beside", "g"))
    )
    view = read(schemas.GraphView, await one.client.get(f"/tasks/{task.id}/graph"))
    assert view.critical_path[:3] == ["g", "g[x]", "g[y]"]
    assert view.critical_path[3] in ("end", "beside")
    assert {node.key for node in view.nodes if node.critical_path} == set(view.critical_path)
    assert next(node.seconds for node in view.nodes if node.key == "g[x]") >= 0.3
