"""Archives, the parts that decide: how much at a time, how long to rest, what a manifest may say, what a row is."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import msgspec
import pytest

from engine.adapters.jsonlines import JsonFiles
from engine.adapters.parquet import ParquetFiles
from engine.archive import resting
from engine.archive.manifest import ArchiveDamaged, decode
from engine.archive.port import TableFiles
from engine.archive.resting import Resting
from engine.archive.shape import ALL, TABLES, cleaned
from engine.archive.stride import Stride
from engine.errors import SettingsError

ROW = {"key": "T:1", "task_id": "T", "turn": "", "first": 1, "last": 2, "at": 3, "changes": ["a b", "ä"]}


def test_a_stride_shrinks_where_pieces_are_slow_and_grows_where_they_are_quick() -> None:
    stride = Stride(25, 200, 0.02)
    sizes = []
    for seconds in (0.1, 0.1, 0.1, 0.1, 0.02, 0.001, 0.001, 0.001, 0.001):
        stride.took(seconds)
        sizes.append(stride.size)

    assert sizes == [100, 50, 25, 25, 25, 50, 100, 200, 200]


async def test_it_rests_while_there_is_work_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    busy = [True, True, False]
    monkeypatch.setattr(asyncio, "sleep", sleep)
    rest = Resting(lambda: busy.pop(0))
    for took in (0.02, 5.0, 0.02):
        await rest(took)

    assert slept == [pytest.approx(0.06), resting.LONGEST, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is no manifest"),
        (b"[]", "is no manifest"),
        (b'{"format": 2}', "has format 2, and this engine reads up to 1: take a newer one"),
        (b'{"format": 1, "id": "x"}', "is no manifest"),
        (
            b'{"id": "x", "kind": "archive", "namespace": "n", "engine": "", "made_at": 1, "tables": {}, "tasks": [], '
            b'"blobs": []}',
            "has no table",
        ),
    ],
)
def test_what_is_no_manifest_is_refused_by_name(text: bytes, words: str) -> None:
    with pytest.raises(ArchiveDamaged, match=f"^place .*{words}"):
        decode(text, "place")


def test_a_row_has_one_spelling_for_nothing() -> None:
    embedded = cleaned("subtasks", {"id": "a", "skips": 0, "reason": "", "judged": False, "unmet": 0})
    neo4j = cleaned("subtasks", {"id": "a", "unmet": 0})

    assert embedded == neo4j
    assert embedded["unmet"] == 0


@pytest.mark.parametrize("form", [ParquetFiles(), JsonFiles()], ids=lambda form: form.suffix)
def test_rows_are_read_as_they_were_written(form: TableFiles, tmp_path: Path) -> None:
    path = tmp_path / f"events{form.suffix}"
    writer = form.writer(path, "events")
    rows = [ROW | {"first": number, "turn": None if number % 2 else "t"} for number in range(12_000)]
    for at in range(0, len(rows), 777):
        writer.write(rows[at : at + 777])
    writer.close()
    writer.close()

    assert [row for some in form.read(path, "events") for row in some] == rows


@pytest.mark.parametrize("form", [ParquetFiles(), JsonFiles()], ids=lambda form: form.suffix)
def test_a_table_without_rows_can_be_read(form: TableFiles, tmp_path: Path) -> None:
    for table in ALL:
        path = tmp_path / f"{table}{form.suffix}"
        form.writer(path, table).close()
        assert [row for some in form.read(path, table) for row in some] == []


def test_lines_that_are_cut_off_are_told(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(msgspec.json.encode(ROW) + b"\n{")[:-3])

    with pytest.raises(ArchiveDamaged, match="cannot be read"):
        list(JsonFiles().read(path, "events"))


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(
        SettingsError, match=r"pip install 'agent03-core-engine\[archive\]', or set ARCHIVE_FORMAT=json"
    ):
        ParquetFiles().writer(tmp_path / "x.parquet", "events")


def test_every_table_is_told_apart_by_its_first_column_or_is_edges() -> None:
    assert {table: columns[0].name for table, columns in TABLES.items() if columns[0].name != "id"} == {
        "results": "hash",
        "events": "key",
        "requests": "key",
        "edges": "type",
    }
