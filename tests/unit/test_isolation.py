"""What the key of one user reaches: every operation has been thought about, and narrowed lists lose nothing."""

from __future__ import annotations

import pytest

from api.access import NEEDS
from api.app import document
from api.isolation import LOOKED_AT, REACH, TASKS, Reach, own_rows, user_asked_for
from api.problems import Refused
from engine.keys.key import ApiKey, Scope

ANN = ApiKey("1", "", "ci", (Scope.READ,), user_id="ann")
ANYBODY = ApiKey("2", "", "root", (Scope.ADMIN,))


class Users:
    """Knows whose tasks are whose: their ids begin with it."""

    async def user_of(self, task_id: str) -> str | None:
        return task_id.split("-")[0]


def test_every_operation_that_asks_for_a_key_says_what_the_key_of_one_user_reaches() -> None:
    assert {name for name, scope in NEEDS.items() if scope is not None} == REACH.keys()


def test_an_operation_on_a_task_is_kept_to_it_by_its_path() -> None:
    named = {
        says["operationId"]
        for path, methods in document()["paths"].items()
        for says in methods.values()
        if any(f"{{{parameter}}}" in path for parameter in TASKS)
    }
    assert named <= {name for name, reach in REACH.items() if reach is Reach.PATH}


def test_whose_tasks_are_listed() -> None:
    assert user_asked_for(None, "bob") == "bob"
    assert user_asked_for(ANYBODY, None) is None
    assert user_asked_for(ANN, None) == user_asked_for(ANN, "ann") == "ann"
    with pytest.raises(Refused, match="ann alone"):
        user_asked_for(ANN, "bob")


async def everything(rows: list[str], caller: ApiKey | None, limit: int) -> tuple[list[str], int]:
    async def fetch(after: str, most: int) -> list[tuple[str, str, str]]:
        found = [row for row in rows if row.split("-")[1] > after][:most]
        return [(row.split("-")[1], row, row) for row in found]

    found: list[str] = []
    pages, after = 0, ""
    while True:
        page, after = await own_rows(Users(), caller, fetch, after, limit)  # type: ignore[arg-type]
        found += page
        pages += 1
        assert len(page) <= limit
        if not after:
            return found, pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("users", ["a", "ab", "aab", "abbbbb", "b", "bbbba", ""])
async def test_a_narrowed_list_has_each_row_of_the_user_once_and_in_order(users: str, limit: int) -> None:
    rows = [f"{'ann' if users[n % len(users)] == 'a' else 'bob'}-{n:03}" for n in range(30)] if users else []
    found, _ = await everything(rows, ANN, limit)
    assert found == [row for row in rows if row.startswith("ann")]
    assert (await everything(rows, ANYBODY, limit))[0] == (await everything(rows, None, limit))[0] == rows


async def test_one_page_looks_at_so_many_rows_and_no_more() -> None:
    rows = [f"bob-{n:04}" for n in range(LOOKED_AT * 10 * 2 + 5)] + ["ann-9999"]
    found, pages = await everything(rows, ANN, 10)
    assert (found, pages) == (["ann-9999"], 3)
