"""A process that runs a task of sleeps until it is killed: ``python -m tests.bench.victim PLACE SUBTASKS``."""

from __future__ import annotations

import asyncio
import sys

from api.wiring import build_engine
from tests.bench.apart import arrive
from tests.bench.moments import SLOTS, asleep
from tests.bench.stage import Watch


async def main(told: str, subtasks: int) -> None:
    """Says "running" when the first subtasks run."""
    stage, (folder, namespace) = arrive(told)
    watch = Watch()
    engine = build_engine(stage.settings(folder, namespace, SLOTS), watch)
    await engine.start()
    await engine.submit(asleep(subtasks))
    await watch.claimed.wait()
    print("running", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
