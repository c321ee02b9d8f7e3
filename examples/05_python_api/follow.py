"""The engine inside a program: submit a task, follow its events, take its result, and learn why another one failed.

``open_engine`` reads the environment, as the command line does: without NEO4J_URL the graph is kept under DATA_PATH.
It leaves logging to the program: the engine logs through structlog, here from warnings on.
"""

from __future__ import annotations

import asyncio
import logging

import structlog

from api import open_engine
from engine import InvalidInput, TaskFailed

SUM = {
    "plan": {
        "subtasks": [
            {"key": "numbers", "type": "noop", "input": [3, 4, 5]},
            {
                "key": "sum",
                "type": "python",
                "input": {"inputs": {"numbers": "{{subtasks.numbers.output}}"}, "code": "result = sum(numbers)"},
            },
        ]
    }
}
DIVISION = {"plan": {"subtasks": [{"key": "ratio", "type": "calculate", "input": {"expression": "1 / 0"}}]}}
FAULTY = {"plan": {"subtasks": [{"key": "a", "type": "nope", "dependencies": ["b"]}]}}


async def main() -> None:
    """Three tasks: one that succeeds, one that fails, one that is refused."""
    async with open_engine() as engine:
        task = await engine.submit(SUM)
        async for event in engine.events(task.id):
            print(event.seq, event.key or "task", event.status)
        print("result:", await engine.result(task.id))

        try:
            await engine.result((await engine.submit(DIVISION)).id)
        except TaskFailed as failed:
            print("failed:", failed.report["message"])

        try:
            await engine.submit(FAULTY)
        except InvalidInput as refused:
            for fault in refused.faults:
                print("refused:", fault.pointer, fault.detail)


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
asyncio.run(main())
