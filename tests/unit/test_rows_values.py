"""Values come back as they were given; bad data is told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from tests.support.rows import Stages
from tests.support.tools_http import scripted_server

ROWS: list[dict[str, Any]] = [
    {"id": 1, "wide": 10**30, "huge": 10**60, "price": 1.5, "date": "2020-01-01", "ok": True, "n": {"x": [1, None]}},
    {"id": 2, "wide": 2**64, "huge": 3, "price": 2.25, "date": "007", "ok": False, "n": {"x": []}},
    {"id": 3, "wide": -5, "huge": None, "price": None, "date": "", "ok": None, "n": None},
]
MIXED: list[dict[str, Any]] = [{"a": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, {"a": 1.5}, {"a": True}]
TABLES = ["csv", "xml", "markdown", "html"]


async def test_json_keeps_its_types(tmp_path: Path) -> None:
    found = await Stages(tmp_path).run("processing", data=ROWS)
    assert found["data"] == ROWS
    assert [type(value) for value in found["data"][0].values()] == [type(value) for value in ROWS[0].values()]


async def test_mixed_columns_and_missing_keys(tmp_path: Path) -> None:
    stages = Stages(tmp_path)
    assert (await stages.run("processing", data=MIXED))["data"] == MIXED
    assert (await stages.run("processing", data=[{"a": 1}, {"b": 2}]))["data"] == [
        {"a": 1, "b": None},
        {"a": None, "b": 2},
    ]
    assert (await stages.run("processing", data=[], filter="a > 1"))["data"] == []


@pytest.mark.parametrize("to", ["csv", "json", "ndjson", "yaml", "xml", "markdown", "html", "parquet"])
async def test_formats_go_both_ways(tmp_path: Path, to: str) -> None:
    rows = [row | {"date": row["date"] or "x|<y>\n&"} for row in ROWS]
    rows = [
        {name: value for name, value in row.items() if name != "huge" and (to, name) != ("parquet", "n")}
        for row in rows
    ]
    stages = Stages(tmp_path)
    assert await stages.run("formatting", data=rows, to=to, to_path=f"a.{to}")
    assert (await stages.run("parsing", path=f"a.{to}"))["data"] == rows


async def test_toml_has_no_null(tmp_path: Path) -> None:
    stages = Stages(tmp_path)
    written = await stages.run("formatting", data=[{"a": 1, "b": None}], to="toml")
    assert (await stages.run("parsing", data=written["text"], format="toml"))["data"] == [{"a": 1}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"a,b\n1,2\n3\n", r"a.csv: line 3 has 1 field\(s\), and the header has 2"),
        ("a.csv", b"a,b\n1,2\n3,\xe9\n", "a.csv: line 3 is no UTF-8"),
        ("a.csv", b"", "a.csv: it is empty"),
        ("a.csv", b"a,A\n1,2\n", "differ only in capital letters"),
        ("a.ndjson", b'{"a": 1}\n[2]\n', "row 2 is no object"),
        ("a.json", b'[{"a": 1}, 5]', "row 2 is no object"),
        ("a.json", b'{"a": ', "line 1"),
        ("a.yaml", b"a: &x [1]\nb: *x\n", "line 2: anchors"),
        ("a.xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><r>&a;</r>", "may be harmful"),
        ("a.md", b"| a | b |\n|---|---|\n| 1 |\n", "row 1 has 1 cell"),
        ("a.txt", b"just words", "text, not rows"),
    ],
)
async def test_bad_files_are_told_with_their_place(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ToolError, match=message) as caught:
        await Stages(tmp_path).run("processing", path=name)
    assert caught.value.suggestion


async def test_a_private_address_is_refused_without_its_query(tmp_path: Path) -> None:
    async with scripted_server() as server:
        with pytest.raises(ToolError, match="private") as caught:
            await Stages(tmp_path).run("processing", url=server.url("/a.csv?token=secret"))
    assert caught.value.category is Category.CONFIGURATION
    assert "secret" not in str(caught.value)


async def test_faults_have_their_row_and_column(tmp_path: Path) -> None:
    stages = Stages(tmp_path)
    found = await stages.run("validation", data="id,v\n1,2\n2,x\n3,4\n")
    assert found["faults"] == [{"row": 2, "column": "v", "message": "'x' is not an integer"}]
    assert (found["dropped"], found["data"]) == (1, [{"id": 1, "v": 2}, {"id": 3, "v": 4}])
    with pytest.raises(ToolError, match="row 1, column v: 2 is less than the minimum of 3"):
        schema = {"properties": {"v": {"type": "integer", "minimum": 3}}}
        await stages.run("validation", data=[{"v": 2}], schema=schema, on_fault="fail")
