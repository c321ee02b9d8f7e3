"""What a caller's SQL may not do, and that it can be stopped."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from engine.errors import ToolError
from engine.tools.rows.database import Database
from engine.tools.rows.faults import QueryFault
from tests.support.rows import Stages
from tests.support.tools_context import RecordingContext

ROWS = [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY rows TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SET threads = 4",
        "SELECT 1; SELECT 2",
        "CREATE TABLE x AS SELECT 1",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM query('SELECT 1')",
        "SELECT current_setting('temp_directory')",
        "SELECT getenv('HOME')",
        "SELECT * FROM information_schema.tables",
    ],
)
def test_a_query_reads_rows_and_nothing_else(tmp_path: Path, sql: str) -> None:
    ((path, message),) = Stages(tmp_path).faults("processing", data=ROWS, sql=sql)
    assert path == ("sql",)
    assert message


@pytest.mark.parametrize("field", ["filter", "derive", "aggregate"])
@pytest.mark.parametrize(
    "text",
    [
        "(SELECT count(*) FROM read_csv('/etc/passwd'))",
        "(SELECT count(*) FROM '/etc/passwd')",
        "1) FROM rows WHERE (1",
        "1), (2",
        "1; DROP TABLE given",
        "getenv('HOME')",
        "current_setting('threads')",
        "a /*",
        "",
    ],
)
def test_an_expression_is_one_expression(tmp_path: Path, field: str, text: str) -> None:
    value = text if field == "filter" else {"x": text}
    ((path, message),) = Stages(tmp_path).faults("processing", data=ROWS, **{field: value})
    assert path[0] == field
    assert message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/agent03-never.csv'",
        "ATTACH '/tmp/agent03-never.db'",
        "SET enable_external_access = true",
        "SELECT * FROM ROWS_OF_PYTHON",
    ],
)
def test_the_lock_holds_below_the_parser_too(tmp_path: Path, sql: str) -> None:
    ROWS_OF_PYTHON = [1]  # noqa: F841 (what a scan of Python's variables would find)
    database = Database(tmp_path)
    database.lock()
    with pytest.raises(QueryFault):
        database.run(sql)
    database.close()


async def test_a_long_query_is_stopped_when_it_is_cancelled(tmp_path: Path) -> None:
    tool = Stages(tmp_path).tools["processing"]
    sql = "SELECT sum(x.range * y.range) AS s FROM range(10000000) x, range(10000000) y"
    task = asyncio.create_task(tool.run({"data": ROWS, "sql": sql}, RecordingContext()))
    await asyncio.wait([task], timeout=0.5)
    assert not task.done()
    started, before = time.monotonic(), time.process_time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 1.4
    settled = time.process_time()
    await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.3))])
    assert time.process_time() - settled < 0.2, f"it goes on computing ({settled - before})"


async def test_an_unknown_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        ToolError, match=r"filter: there is no column 'amunt'; did you mean amount\?; there are: amount"
    ):
        await Stages(tmp_path).run("processing", data=[{"amount": 1}], filter="amunt > 1")
