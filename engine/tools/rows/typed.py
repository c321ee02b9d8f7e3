"""From raw rows to rows with types, and the values that do not fit their column's type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.model import Json
from engine.tools.rows.census import Column, Counts, Family, column, counting, quoted, value
from engine.tools.rows.raw import Raw
from engine.tools.rows.table import ROW, Table, described

MOST_FAULTS = 100
"""Faults that are told one by one."""
_COUNTS = 10
_SHOWN = 60


@dataclass(slots=True)
class Findings:
    """Faults of rows: the first ones as {"row", "column", "message"}, how many there are, and in which rows."""

    faults: list[dict[str, Json]] = field(default_factory=list)
    count: int = 0
    rows: set[int] = field(default_factory=set)

    def listed(self) -> list[dict[str, Json]]:
        """The noted faults in the order of the rows."""
        return sorted(self.faults, key=lambda fault: int(fault["row"]))

    def add(self, row: int, name: str | None, message: str) -> None:
        """Notes one fault."""
        self.count += 1
        self.rows.add(row)
        if len(self.faults) < MOST_FAULTS:
            self.faults.append({"row": row, "column": name, "message": message})


def typed_rows(
    raw: Raw, name: str, *, majority: bool = False, fixed: Mapping[str, str] | None = None, complete: bool = False
) -> tuple[Table, Findings]:
    """The table ``name``, made of the raw one, which is dropped.

    Args:
        raw: what was read.
        name: of the new table.
        majority: a column has the type of most of its values, and the others are faults; without it, of all.
        fixed: types that are known; values of another one are faults.
        complete: add the columns of ``fixed`` that are not there, all null.
    """
    if raw.family is None:
        return _of_types(raw, name), Findings()
    kinds = dict(fixed or {})
    found = _columns(raw, raw.family, majority, kinds)
    absent = {given: kind for given, kind in kinds.items() if complete and given not in found}
    _create(raw, raw.family, name, found, absent)
    findings = Findings()
    misfits = [given for given, (_, counts) in found.items() if counts]
    for given in misfits:
        _note(raw, raw.family, given, found[given][0], findings)
    raw.database.run(f"DROP TABLE {quoted(raw.name)}")
    told = {given: kept.kind for given, (kept, _) in found.items()} | absent
    return described(raw.database, name, told), findings


def without(table: Table, rows: Iterable[int]) -> int:
    """Removes rows by their numbers; returns how many there were."""
    numbers = sorted(rows)
    if numbers:
        table.database.run(
            f"DELETE FROM {quoted(table.name)} WHERE {quoted(ROW)} IN (SELECT unnest($1::BIGINT[]))", [numbers]
        )
    return len(numbers)


def _columns(raw: Raw, family: Family, majority: bool, fixed: Mapping[str, str]) -> dict[str, tuple[Column, int]]:
    """How each column is kept, and how many of its values do not fit."""
    if not raw.columns:
        return {}
    sql = ", ".join(counting(given, family) for given in raw.columns)
    values = raw.database.row(f"SELECT {sql} FROM {quoted(raw.name)}")
    found = {}
    for index, given in enumerate(raw.columns):
        counts = Counts(*values[index * _COUNTS : (index + 1) * _COUNTS])
        kept = column(counts, family, majority=majority, fixed=fixed.get(given))
        found[given] = (kept, counts.values - counts.of(kept.kind))
    return found


def _create(
    raw: Raw, family: Family, name: str, found: Mapping[str, tuple[Column, int]], absent: Mapping[str, str]
) -> None:
    parts = [f"{value(given, family, kept)} AS {quoted(given)}" for given, (kept, _) in found.items()]
    empty = Counts(*[0] * _COUNTS)
    for given, kind in absent.items():
        sql = column(empty, family, majority=False, fixed=kind).sql
        parts.append(f"CAST(NULL AS {sql}) AS {quoted(given)}")
    raw.database.run(
        f"CREATE TABLE {quoted(name)} AS SELECT {', '.join([quoted(ROW), *parts])} FROM {quoted(raw.name)}"
    )


def _note(raw: Raw, family: Family, name: str, kept: Column, findings: Findings) -> None:
    fits = value(name, family, kept)
    condition = f"{quoted(name)} IS NOT NULL AND ({fits}) IS NULL"
    article = "an" if kept.kind[0] in "aio" else "a"
    for row, found in raw.database.rows(
        f"SELECT {quoted(ROW)}, CAST({quoted(name)} AS VARCHAR) FROM {quoted(raw.name)} WHERE {condition} "
        f"ORDER BY {quoted(ROW)}"
    ):
        shown = found if len(found) <= _SHOWN else found[:_SHOWN] + "..."
        findings.add(int(row), name, f"{shown if family == 'json' else repr(shown)} is not {article} {kept.kind}")


def _of_types(raw: Raw, name: str) -> Table:
    """Parquet has types; those that JSON does not know become the ones it knows."""
    types = dict(raw.database.types(f"SELECT * FROM {quoted(raw.name)}"))
    parts = [f"{_plain(given, types[given])} AS {quoted(given)}" for given in raw.columns]
    raw.database.run(
        f"CREATE TABLE {quoted(name)} AS SELECT {', '.join([quoted(ROW), *parts])} FROM {quoted(raw.name)}"
    )
    raw.database.run(f"DROP TABLE {quoted(raw.name)}")
    kinds = {given: _nested(types[given]) for given in raw.columns}
    return described(raw.database, name, {given: kind for given, kind in kinds.items() if kind})


def _plain(name: str, kind: str) -> str:
    x = quoted(name)
    if kind in ("BOOLEAN", "BIGINT", "HUGEINT", "DOUBLE", "VARCHAR", "JSON"):
        return x
    if kind.endswith("INT") or kind == "INTEGER":
        return f"CAST({x} AS {'HUGEINT' if kind in ('UBIGINT', 'UHUGEINT') else 'BIGINT'})"
    if kind == "FLOAT" or (kind.startswith("DECIMAL") and not kind.endswith(",0)")):
        return f"CAST({x} AS DOUBLE)"
    if kind.startswith("DECIMAL"):
        return f"CAST({x} AS HUGEINT)"
    if kind == "BLOB":
        return f"base64({x})"
    return f"to_json({x})" if _nested(kind) else f"CAST({x} AS VARCHAR)"


def _nested(kind: str) -> str | None:
    if kind.endswith("]"):
        return "array"
    return "object" if kind.startswith(("STRUCT", "MAP")) else None
