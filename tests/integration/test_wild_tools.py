"""A tool that goes wild ends alone: memory, processor time, output or open files; the rest goes on."""

from __future__ import annotations

import asyncio
import sys
import time
from statistics import quantiles

import httpx2

from api.app import create_app
from api.metrics import Metrics
from engine.model import Json
from tests.support.engines import Lab, finished, subtasks
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.tools_context import running

WILD: dict[str, tuple[str, dict[str, Json]]] = {
    "memory": ("x = []\nwhile True: x.append(bytearray(1 << 20))", {"memory_mb": 200}),
    "cpu": ("while True: pass", {"cpu_seconds": 1}),
    "output": ("while True: print('x' * 10000)", {"output_bytes": 1_000_000}),
    "files": ("x = [open('/dev/null') for _ in range(1000)]", {"open_files": 64}),
}


async def test_what_goes_wild_is_ended_and_everything_else_goes_on(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start(max_parallel_tasks=8, max_retries=0)
    marker = f"marker-{embedded_lab.namespace}"
    wild = [
        step(key, type="shell", critical=False, input={"argv": [sys.executable, "-c", code, marker], "limits": limits})
        for key, (code, limits) in WILD.items()
    ]
    others = [step(f"k{n}") for n in range(200)]
    app = create_app(engine, engine.settings, Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        task_id = (await engine.submit(plan(*wild, *others))).id
        ended = asyncio.create_task(finished(engine, task_id))
        times = []
        while not ended.done():
            begun = time.monotonic()
            assert (await client.get(f"/tasks/{task_id}")).status_code == 200
            times.append(time.monotonic() - begun)
            await asyncio.wait({ended}, timeout=0.02)

    rows = await subtasks(engine, task_id)
    assert (await ended).counts == {"completed": 200, "failed": 4}
    errors = {key: rows[key].error or "" for key in WILD}
    assert all('"resource"' in errors[key] for key in ("memory", "cpu", "output")), errors
    assert "Too many open files" in errors["files"]
    await eventually(lambda: running(marker) == [])
    assert quantiles(times, n=20)[-1] < 1.0  # generous: other tests share the processor
