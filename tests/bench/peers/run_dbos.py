"""DBOS on SQLite: steps of one workflow, each committed; ``asyncio.gather`` for what runs at once."""

import asyncio
import tempfile
from pathlib import Path

from dbos import DBOS
from timing import measure


@DBOS.step()
async def step() -> int:
    """Does nothing, durably."""
    return 1


@DBOS.workflow()
async def in_a_row(length: int) -> None:
    """One after the other."""
    for _ in range(length):
        await step()


@DBOS.workflow()
async def at_once(number: int, width: int) -> None:
    """So many at a time, in an order that a replay repeats."""
    for start in range(0, number, width):
        await asyncio.gather(*(step() for _ in range(min(width, number - start))))


def main() -> None:
    """Measures it on a fresh database."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'dbos.sqlite'}"
        DBOS(
            config={
                "name": "bench",
                "system_database_url": address,
                "log_level": "ERROR",
                "run_admin_server": False,
            }
        )
        DBOS.launch()
        with asyncio.Runner() as runner:
            measure(
                lambda length: runner.run(in_a_row(length)),
                lambda number, width: runner.run(at_once(number, width)),
            )
        DBOS.destroy()


if __name__ == "__main__":
    main()
