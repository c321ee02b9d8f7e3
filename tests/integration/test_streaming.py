"""A long list through a chain of maps: items stream, in order, and memory does not grow with what has passed."""

from __future__ import annotations

import os

import psutil

from engine.states import TaskStatus
from tests.support.engines import Lab, finished, moves, story
from tests.support.plans import plan, step

ITEMS = int(os.environ.get("STREAM_ITEMS", "1000"))
"""Items of the list; 10000 for the figure in docs/performance.md."""
LONG = 10_000
"""From here on the first item is through long before the last begins: growing the later stages takes less time than
the first one. `test_growth` holds the order itself, with one slot.
"""
LATE_GROWTH_MB = 150
"""By how much the second half of the items may raise memory: no more than caches that fill up."""


async def test_a_long_list_streams_through_its_stages(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=20)
    body = plan(
        step("list", input=list(range(ITEMS))),
        step("a", input={"v": "{{item}}"}, map={"over": "{{subtasks.list.output}}"}),
        step("b", input={"v": "{{item.v}}"}, map={"over": "{{subtasks.a.output}}"}),
        step("c", input={"v": "{{item.v}}"}, map={"over": "{{subtasks.b.output}}"}),
        step("join", input="{{subtasks.c.output}}"),
    )
    process, seen = psutil.Process(), {}
    submitted = await engine.submit(body)
    async for event in engine.follow(submitted.task_id):
        if event.key in (f"a[{ITEMS // 2}]", f"c[{ITEMS - 1}]") and event.status == "completed":
            seen[event.key] = process.memory_info().rss / 2**20

    task = await finished(engine, submitted.task_id)

    assert task.status is TaskStatus.COMPLETED
    assert await engine.output(task) == [{"v": number} for number in range(ITEMS)]
    events = await story(engine, task.id)
    began, ended = moves(events, "processing"), moves(events, "completed")
    if ITEMS >= LONG:
        assert ended["c[0]"] < began[f"a[{ITEMS - 1}]"]
        assert ended["c[0]"] < ended[f"a[{ITEMS // 2}]"]
    assert seen[f"c[{ITEMS - 1}]"] - seen[f"a[{ITEMS // 2}]"] < LATE_GROWTH_MB
    print({"items": ITEMS, "first through": ended["c[0]"], "last begins": began[f"a[{ITEMS - 1}]"], "MiB": seen})
