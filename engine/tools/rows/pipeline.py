"""The steps of processing, each a view over the one before, so that a fault is told by the parameter it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.model import Json
from engine.tools.rows.census import quoted
from engine.tools.rows.expressions import ExpressionFault, aggregate_of
from engine.tools.rows.faults import in_parameter, no_column, wrong
from engine.tools.rows.parameters import Join
from engine.tools.rows.states import FIELDS, Groups, State, state_of, state_sql
from engine.tools.rows.table import ROW, Table, described, kind_of, view
from engine.tools.rows.values import json_value

_ROW = quoted(ROW)


class Pipeline:
    """A table that becomes another one, step by step. ``table`` is where it stands."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._steps = 0

    def join(self, other: Table, join: Join) -> None:
        """Rows of another table beside these."""
        for name in join.on:
            self._column(name, "join/on")
            if name not in other.columns:
                raise no_column(name, "join/on", other.columns)
        if join.how in ("semi", "anti"):
            mine = ", ".join(f"l.{quoted(name)}" for name in [ROW, *self.table.columns])
            order = f"l.{_ROW}"
        else:
            mine = ", ".join(_joined(self.table, other, join))
            order = f"l.{_ROW} NULLS LAST, r.{_ROW}"
            mine = f"row_number() OVER (ORDER BY {order}) AS {_ROW}, {mine}"
        condition = " AND ".join(f"l.{quoted(name)} = r.{quoted(name)}" for name in join.on)
        sql = f"SELECT {mine} FROM {self._from} l {join.how} JOIN {quoted(other.name)} r ON {condition}"
        self._view(sql, "join", {**other.kinds, **self.table.kinds})

    def derive(self, columns: Mapping[str, str]) -> None:
        """New columns; one of a name that is there takes its place."""
        for name, expression in columns.items():
            self._free(name, f"derive/{name}")
            there = next((column for column in self.table.columns if column.lower() == name.lower()), None)
            new = f"(\n{expression}\n) AS {quoted(name)}"
            names = [new if column == there else quoted(column) for column in self.table.columns]
            listed = ", ".join([_ROW, *names] + ([] if there else [new]))
            kinds = {column: kind for column, kind in self.table.kinds.items() if column != there}
            self._view(f"SELECT {listed} FROM {self._from}", f"derive/{name}", kinds)

    def filter(self, expression: str) -> None:
        """Only the rows for which it is true."""
        self._view(f"SELECT * FROM {self._from} WHERE (\n{expression}\n)", "filter")

    def select(self, names: Sequence[str]) -> None:
        """Only these columns."""
        found = [self._column(name, "select") for name in dict.fromkeys(names)]
        self._view(f"SELECT {', '.join(map(quoted, [ROW, *found]))} FROM {self._from}", "select")

    def rename(self, names: Mapping[str, str]) -> None:
        """Other names for columns."""
        new = {self._column(old, "rename"): name for old, name in names.items()}
        result = [new.get(column, column) for column in self.table.columns]
        twice = next((name for name in result if [other.lower() for other in result].count(name.lower()) > 1), None)
        if twice is not None:
            raise wrong(f"rename: there would be two columns {twice}", "Choose another name.")
        for name in new.values():
            self._free(name, "rename")
        listed = ", ".join(f"{quoted(column)} AS {quoted(new.get(column, column))}" for column in self.table.columns)
        kinds = {new.get(column, column): kind for column, kind in self.table.kinds.items()}
        self._view(f"SELECT {_ROW}, {listed} FROM {self._from}", "rename", kinds)

    def distinct(self) -> None:
        """The first of equal rows."""
        names = ", ".join(map(quoted, self.table.columns))
        self._view(f"SELECT min({_ROW}) AS {_ROW}, {names} FROM {self._from} GROUP BY {names}", "distinct")

    def sort(self, columns: Sequence[str]) -> None:
        """By columns, nulls last; equal rows keep their order."""
        order = ", ".join(self._order(column) for column in columns)
        names = ", ".join(map(quoted, self.table.columns))
        sql = f"SELECT row_number() OVER (ORDER BY {order}, {_ROW}) AS {_ROW}, {names} FROM {self._from}"
        self._view(sql, "sort")

    def _order(self, column: str) -> str:
        down = column.startswith("-") and column not in self.table.columns
        name = self._column(column[1:] if down else column, "sort")
        return f"{quoted(name)} {'DESC' if down else 'ASC'} NULLS LAST"

    def limit(self, rows: int) -> None:
        """The first rows."""
        self._view(f"SELECT * FROM {self._from} ORDER BY {_ROW} LIMIT {rows}", "limit")

    def query(self, sql: str) -> None:
        """One SELECT over ``rows``."""
        database = self.table.database
        names = ", ".join(map(quoted, self.table.columns))
        with in_parameter("sql", self.table.columns):
            database.run(f'CREATE OR REPLACE VIEW "rows" AS SELECT {names} FROM {self._from} ORDER BY {_ROW}')
            database.run(f'CREATE OR REPLACE VIEW "answer" AS {sql}')
            columns = [name for name, _ in database.types('SELECT * FROM "answer"')]
            self._distinct_names(columns)
            database.run(f'CREATE TABLE "answers" AS SELECT row_number() OVER () AS {_ROW}, * FROM "answer"')
            self.table = described(database, "answers")

    def _distinct_names(self, names: Sequence[str]) -> None:
        for name in names:
            self._free(name, "sql")

    def group(self, group_by: Sequence[str], aggregate: Mapping[str, str]) -> None:
        """One row for each group; the groups are in the order in which they first appear."""
        keys = [quoted(self._column(name, "group_by")) for name in group_by]
        first = f"coalesce(min({_ROW}), 1) AS {_ROW}"
        with_aggregates: list[str] = []
        tail = f" GROUP BY {', '.join(keys)}" if keys else ""
        kinds = {name: kind for name, kind in self.table.kinds.items() if name in group_by}
        for name, expression in aggregate.items():
            self._free(name, f"aggregate/{name}")
            new = f"(\n{expression}\n) AS {quoted(name)}"
            with in_parameter(f"aggregate/{name}", self.table.columns):
                self.table.database.types(f"SELECT {new} FROM {self._from}{tail}")
            with_aggregates.append(new)
        listed = ", ".join([first, *keys, *with_aggregates])
        self._view(f"SELECT {listed} FROM {self._from}{tail}", "aggregate", kinds)

    def groups(self, group_by: Sequence[str], aggregate: Mapping[str, str]) -> Groups:
        """The same as states that can be merged; every aggregate must be one of those."""
        keys = [quoted(self._column(name, "group_by")) for name in group_by]
        found = Groups(list(group_by), {})
        parts: list[str] = []
        for name, text in aggregate.items():
            mergeable = self._mergeable(name, text)
            found.functions[name] = mergeable.function
            kind = self._kind(mergeable.argument, f"aggregate/{name}")
            if mergeable.function in ("sum", "mean") and kind not in ("integer", "number", "null"):
                raise wrong(
                    f"aggregate/{name}: {text} needs numbers", f"It is {kind}; cast it, or choose another column."
                )
            parts += state_sql(mergeable.argument, kind)
        tail = f" GROUP BY {', '.join(keys)} ORDER BY min({_ROW})" if keys else ""
        with in_parameter("aggregate", self.table.columns):
            for values in self.table.database.rows(f"SELECT {', '.join([*keys, *parts])} FROM {self._from}{tail}"):
                plain = [json_value(value) for value in values]
                found.add(plain[: len(keys)], _states(found.functions, plain[len(keys) :]))
        return found

    def column_states(self) -> dict[str, State]:
        """What is known about every column."""
        names = list(self.table.columns)
        if not names:
            return {}
        parts = [sql for name in names for sql in state_sql(quoted(name), self.table.kind(name))]
        with in_parameter("columns", names):
            values = [
                json_value(value) for value in self.table.database.row(f"SELECT {', '.join(parts)} FROM {self._from}")
            ]
        return _states(names, values)

    # --- parts -----------------------------------------------------------------------------------------------------

    @property
    def _from(self) -> str:
        return quoted(self.table.name)

    def _view(self, sql: str, parameter: str, kinds: Mapping[str, str] | None = None) -> None:
        self._steps += 1
        with in_parameter(parameter, self.table.columns):
            self.table = view(self.table, f"step{self._steps}", sql, kinds)

    def _column(self, name: str, parameter: str) -> str:
        if name not in self.table.columns:
            raise no_column(name, parameter, self.table.columns)
        return name

    def _free(self, name: str, parameter: str) -> None:
        if not name or name.lower() == ROW:
            raise wrong(f"{parameter}: {name!r} is no name for a column", "Choose another name.")

    def _mergeable(self, name: str, text: str) -> Any:
        found = aggregate_of(text)
        if found is None:
            raise wrong(
                f"aggregate/{name}: {text.strip()[:80]} cannot be merged from parts",
                "Use sum, count, min, max or avg of an expression, or leave out partial.",
            )
        return found

    def _kind(self, argument: str, parameter: str) -> str:
        if not argument:
            return "integer"
        with in_parameter(parameter, self.table.columns):
            ((_, sql),) = self.table.database.types(f"SELECT (\n{argument}\n) AS x FROM {self._from}")
        return self.table.kinds.get(argument.strip('"'), kind_of(sql)) if sql == "JSON" else kind_of(sql)


def mergeable(aggregate: Mapping[str, str]) -> bool:
    """Whether every aggregate can be merged from parts."""
    try:
        return all(aggregate_of(text) is not None for text in aggregate.values())
    except ExpressionFault:
        return False


def _states(names: Iterable[str], values: Sequence[Json]) -> dict[str, State]:
    size = len(FIELDS)
    return {name: state_of(values[index * size : (index + 1) * size]) for index, name in enumerate(names)}


def _joined(left: Table, right: Table, join: Join) -> list[str]:
    """The columns of a join: those of the left, then those of the right, which give way where names are equal."""
    both = join.how in ("right", "full")
    names = []
    for column in left.columns:
        mine = f"l.{quoted(column)}"
        shared = both and column in join.on
        names.append(f"coalesce({mine}, r.{quoted(column)}) AS {quoted(column)}" if shared else mine)
    taken = {column.lower() for column in left.columns}
    for column in right.columns:
        if column not in join.on:
            name = column
            while name.lower() in taken:
                name += "_right"
            taken.add(name.lower())
            names.append(f"r.{quoted(column)} AS {quoted(name)}")
    return names
