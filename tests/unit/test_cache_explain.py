"""What is said about a look-up that finds nothing: the part in which the nearest entry differs."""

from __future__ import annotations

from engine.cachestore import CacheEntry
from engine.caching.explain import explained, parts
from engine.caching.keys import LARGE_TEXT, SHORT_TEXT, canonical, parts_of
from engine.model import Json

KEY = "task:count:1"


def text(value: Json, version: str = "1", environment: dict[str, str] | None = None) -> str:
    return canonical("count", value, version, environment or {})


def entry(
    value: Json, version: str = "1", environment: dict[str, str] | None = None, made_by: str = "T.1"
) -> CacheEntry:
    kept = parts_of(version, environment or {}, text(value, version, environment))
    return CacheEntry("k", "count", version, "1", "h", 1, 0.0, "T", made_by, 0, 9, parts=kept)


def own(value: Json, version: str = "1", environment: dict[str, str] | None = None) -> dict[str, str]:
    return parts(version, environment or {}, text(value, version, environment))


def differs(mine: dict[str, str], *others: CacheEntry) -> tuple[str, ...]:
    return explained(KEY, "count", mine, None, others).differs


def test_one_field_is_named() -> None:
    assert differs(own({"a": 1, "b": {"c": 2}}), entry({"a": 1, "b": {"c": 3}})) == ("input /b/c",)


def test_a_field_that_only_one_has_is_named() -> None:
    assert differs(own({"a": 1}), entry({"a": 1, "more": None})) == ("input /more",)


def test_version_and_environment_are_named() -> None:
    found = differs(own({"a": 1}, "2", {"numpy": "2"}), entry({"a": 1}, "1", {"numpy": "1"}))
    assert found == ("environment numpy", "version")


def test_of_two_that_are_equally_near_the_newer_is_shown() -> None:
    others = (entry({"a": 2, "b": 2}), entry({"a": 1, "b": 2}, made_by="new"), entry({"a": 1, "b": 3}, made_by="old"))
    found = explained(KEY, "count", own({"a": 1, "b": 1}), None, others)

    assert found.nearest is not None and found.nearest.subtask_id == "new"
    assert found.says == "input /b: in this it differs from the nearest entry, from new"


def test_a_long_input_is_told_apart_by_its_fields_and_a_large_one_as_a_whole() -> None:
    long, large = "x" * SHORT_TEXT, "x" * LARGE_TEXT

    assert differs(own({"a": long, "b": 1}), entry({"a": long, "b": 2})) == ("input /b",)
    assert differs(own({"a": large, "b": 1}), entry({"a": large, "b": 2})) == ("input /",)


def test_rows_of_many_fields_stay_one_part() -> None:
    many = {f"f{number}": number for number in range(200)}

    assert differs(own(many), entry(many | {"f7": 0})) == ("input /",)


def test_an_entry_without_readable_parts_is_no_nearest_of_worth() -> None:
    broken = CacheEntry("k", "count", "1", "1", "h", 1, 0.0, "T", "T.1", 0, 9, parts="{")

    found = explained(KEY, "count", own({"a": 1}), None, [broken, entry({"a": 2})])
    assert found.differs == ("input /a",)


def test_hit_and_nothing_at_all() -> None:
    assert explained(KEY, "count", {}, entry(1), []).verdict == "hit"
    assert explained(KEY, "count", {}, None, []).says == "nothing of the type count is kept"
