"""A node that Neo4j shows without its status, for it is being written, is read again."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import GraphUnavailable
from graph.database import Row
from graph.neo4j.connection import REPEATS, Neo4jDatabase

NAME = "subtask/outputs"
WHOLE = [{"id": "a", "status": "ready"}, {"id": "b", "status": "completed"}]
TORN = [{"id": "a", "status": "ready"}, {"id": "b", "status": None}]


class Answers(Neo4jDatabase):
    """A database whose answers are given beforehand."""

    def __init__(self, *answers: list[Row]) -> None:
        super().__init__("bolt://nowhere", ("", ""), frozenset({NAME}))
        self.answers = list(answers)

    async def _run(self, mode: str, text: str, params: dict[str, Any]) -> list[Row]:
        return self.answers.pop(0)


async def test_a_row_without_its_status_is_read_again() -> None:
    database = Answers(TORN, TORN, WHOLE)
    assert await database.read(NAME) == WHOLE
    assert database.answers == []


@pytest.mark.parametrize("rows", [[], [{"id": "a"}], WHOLE])
async def test_what_is_whole_is_read_once(rows: list[Row]) -> None:
    database = Answers(rows, [])
    assert await database.read(NAME) == rows
    assert database.answers == [[]]


async def test_a_status_that_stays_missing_is_said() -> None:
    database = Answers(*[TORN] * (REPEATS + 1))
    with pytest.raises(GraphUnavailable, match="agent03 doctor"):
        await database.read(NAME)
    assert len(database.answers) == 1
