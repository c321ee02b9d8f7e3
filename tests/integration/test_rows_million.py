"""Rows in partitions give what the whole gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.rows import Stages, sales

GROUPED: dict[str, Any] = {
    "filter": "units > 2",
    "derive": {"net": "round(amount * 0.81, 2)"},
    "group_by": ["region"],
    "aggregate": {
        **{"n": "count(*)", "units": "sum(units)", "total": "sum(amount)", "net": "sum(net)", "mean": "avg(amount)"},
        **{"low": "min(amount)", "high": "max(id)", "noted": "count(note)"},
    },
}


async def parts_of(stages: Stages, path: str, rows: int) -> list[Any]:
    """The parts of a file."""
    return (await stages.run("validation", path=path, output="parts", partition_rows=rows))["parts"]


@pytest.mark.parametrize(("name", "rows", "size"), [("a.csv", 5_000, 700), ("b.ndjson", 5_000, 700)])
async def test_partitions_equal_the_whole(tmp_path: Path, name: str, rows: int, size: int) -> None:
    stages = Stages(tmp_path)
    sales(tmp_path / name, rows)
    parts = await parts_of(stages, name, size)
    assert len(parts) == -(-rows // size) and all("bytes" in part for part in parts)
    for parameters in (GROUPED, {}):
        partials = [await stages.run("processing", source=part, partial=True, **parameters) for part in parts]
        assert sum(part["rows"] for part in partials) <= rows
        sort = {"sort": ["-total"]} if parameters else {}
        merged = await stages.run("aggregation", parts=partials, **sort)
        assert merged == await stages.run("data_processing", path=name, **parameters, **sort)


@pytest.mark.parametrize(
    "text", ['id,t\n1,"a\nb"\n2,c\n3,"d\ne"\n4,f\n', "v\n1\n\n2\n3\n", "id,v\n1,2\n2,x\n3,4\n4,5\n"]
)
async def test_parts_are_right_where_lines_are_not_rows(tmp_path: Path, text: str) -> None:
    stages = Stages(tmp_path)
    (tmp_path / "a.csv").write_text(text)
    whole = await stages.run("validation", path="a.csv")
    parts = await parts_of(stages, "a.csv", 2)
    found = [await stages.run("processing", source=part) for part in parts]
    assert [row for part in found for row in part["data"]] == whole["data"]


SCRIPT = """
import asyncio, sys
from pathlib import Path
from tests.support.rows import Stages
stages = Stages(Path(sys.argv[1]))
asyncio.run(stages.run("data_processing", path="a.csv", group_by=["region"], aggregate={"s": "sum(amount)"}))
status = Path("/proc/self/status").read_text()  # the peak of rusage would be that of whoever started this process
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def test_the_memory_of_a_million_rows_is_bounded(tmp_path: Path) -> None:
    sales(tmp_path / "a.csv", 1_000_000)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout)
    print(f"peak memory: {peak} MiB")
    assert peak < 700, f"{peak} MiB; rows became Python objects? "
