"""``agent03 task rerun`` and ``agent03 task delete`` against a server that really runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_cli import GOOD, Cli, one_line
from tests.acceptance.test_cli_tasks import Desk, desk_of, held, lasting_desk, plan


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    yield from lasting_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
async def own_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A server whose tasks are all of one test."""
    async with desk_of(Cli(tmp_path, {})) as (desk, _):
        yield desk


async def test_a_failed_task_runs_again_with_what_was_mended(desk: Desk) -> None:
    first = {"key": "a", "type": "noop", "input": {"n": 1}}
    bad = {"key": "b", "type": "calculate", "input": {"expression": "1 / 0"}, "dependencies": ["a"]}
    done = await desk("submit", desk.cli.plan(plan(first, bad)), "--wait", "--json")
    assert done.returncode == 1
    task_id = json.loads(done.stdout)["task"]["id"]
    mended = desk.cli.plan("b:\n  input:\n    expression: 6 * 7\n", "overrides.yaml")

    again = await desk("task", "rerun", task_id, "--overrides", mended, "--wait")

    assert (again.returncode, json.loads(again.stdout)) == (0, {"value": 42}), again.stderr
    third = await desk.ok("task", "rerun", task_id, "--from", "start")
    assert (await desk.task(third)).rerun_of == task_id
    faulty = await desk("task", "rerun", task_id, "--from", "c", "--overrides", desk.cli.plan({"d": {}}))
    assert faulty.returncode == 2
    assert "/from" in faulty.stderr
    assert "/overrides/d" in faulty.stderr


async def test_a_recall_says_what_it_would_do_before_it_does_it(desk: Desk) -> None:
    steps = [{"key": "a", "type": "noop"}, {"key": "b", "type": "noop", "input": {"of": "{{subtasks.a.output}}"}}]
    done = await desk("submit", desk.cli.plan(plan(*steps)), "--wait", "--json")
    task_id = json.loads(done.stdout)["task"]["id"]

    dry = await desk.ok("recall", "--subtask", f"{task_id}/a")
    wet = json.loads(await desk.ok("recall", "--subtask", f"{task_id}/a", "--yes", "--json"))
    wrong = await desk("recall", "--version", "1")

    assert f"{task_id} b completed derived" in dry
    assert "nothing was changed" in dry
    (again,) = wet["will_rerun"]
    assert (again["from"], (await desk.task(again["new_task_id"])).rerun_of) == (["a"], task_id)
    assert (wrong.returncode, "/version" in wrong.stderr) == (2, True)


async def test_tasks_are_deleted_by_id_and_by_age(own_desk: Desk) -> None:
    desk = own_desk
    file = desk.cli.folder / "go"
    open_id = await desk.ok("submit", desk.cli.plan(plan(held("h", file))))
    done = [json.loads((await desk("submit", desk.cli.plan(GOOD), "--wait", "--json")).stdout) for _ in range(3)]
    ids = [document["task"]["id"] for document in done]

    refused = await desk("task", "delete", ids[0], open_id, "nobody")
    old = await desk.ok("task", "delete", "--older-than", "30d")
    failed = await desk.ok("task", "delete", "--older-than", "0s", "--state", "failed")
    rest = await desk.ok("task", "delete", "--older-than", "0s", "--state", "completed", "--state", "cancelled")

    assert (refused.returncode, refused.stdout.split()) == (1, [ids[0]])
    assert "only a final task can be removed" in refused.stderr
    assert "nobody" in refused.stderr
    assert (old, failed, sorted(rest.split())) == ("", "", sorted(ids[1:]))
    listed = json.loads(await desk.ok("task", "list", "--json"))
    assert [task["id"] for task in listed] == [open_id]
    await desk.ok("task", "cancel", open_id)


async def test_wrong_usage_is_one_line_and_exit_2(desk: Desk) -> None:
    for wrong in (
        ("task", "delete"),
        ("task", "delete", "X", "--older-than", "1d"),
        ("task", "delete", "--older-than", "soon"),
        ("task", "delete", "--older-than", "1d", "--state", "pending"),
        ("task", "delete", "X", "--state", "failed"),
    ):
        one_line(await desk(*wrong), 2)
