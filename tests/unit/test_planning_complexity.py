"""How complex a typed task is: by size, rows, files and parameters, and a level more for several steps."""

from __future__ import annotations

from typing import Any

import pytest

from engine.planning.complexity import TaskComplexity, complexity
from engine.planning.words import words_of

SIMPLE, MODERATE, COMPLEX, VERY = TaskComplexity


def text_of(characters: int) -> str:
    """A text whose JSON has that many characters."""
    return "x" * (characters - 2)


@pytest.mark.parametrize(
    ("characters", "level"),
    [(99, SIMPLE), (100, MODERATE), (999, MODERATE), (1_000, COMPLEX), (9_999, COMPLEX), (10_000, VERY)],
)
def test_the_characters_of_the_canonical_text_count(characters: int, level: TaskComplexity) -> None:
    assert complexity("data_processing", text_of(characters)).level is level


def test_a_character_is_one_however_many_bytes_it_has() -> None:
    assert complexity("x", "ä" * 97).level is SIMPLE


@pytest.mark.parametrize(
    ("input", "level"),
    [
        ({"data": [1] * 9}, SIMPLE),
        ({"data": [1] * 10}, MODERATE),
        ([1] * 100, COMPLEX),
        ({"path": "a.csv", "rows": 999}, COMPLEX),
        ({"path": "a.csv", "rows": 1_000}, VERY),
        ({"path": "a.csv", "bytes": 10_000}, VERY),
        ({"path": "a.csv", "rows": True, "bytes": -1}, SIMPLE),
        ({"path": "a.csv", "rows": "many"}, SIMPLE),
        ({"paths": ["a.csv"]}, SIMPLE),
        ({"paths": ["a.csv", "b.csv"]}, MODERATE),
        ({"paths": ["a.csv", "b.csv", "c.csv"]}, COMPLEX),
    ],
)
def test_rows_files_and_hints_count(input: Any, level: TaskComplexity) -> None:
    assert complexity("data_processing", input).level is level


@pytest.mark.parametrize(
    ("parameters", "level"),
    [
        ({"filter": "a > 1"}, SIMPLE),
        ({"group_by": ["a"], "aggregate": {"n": "count(*)"}}, SIMPLE),
        ({"join": {}, "group_by": ["a"], "aggregate": {}}, SIMPLE),
        ({"join": {"with": []}, "group_by": ["a"], "aggregate": {"n": "count(*)"}}, MODERATE),
        ({"join": {"with": []}, "sql": "select 1"}, MODERATE),
        ({"steps": []}, MODERATE),
        ({"partition_rows": 10}, COMPLEX),
    ],
)
def test_parameters_that_imply_several_steps_count(parameters: dict[str, Any], level: TaskComplexity) -> None:
    assert complexity("data_processing", {}, parameters).level is level


@pytest.mark.parametrize("type", ["multi_step", "data_pipeline", "Orchestration", "my-workflows", "DataPipeline"])
def test_several_steps_in_the_type_are_one_level_more(type: str) -> None:
    assert complexity(type, {}).level is MODERATE
    assert complexity(type, text_of(1_000)).level is VERY
    assert complexity(type, text_of(20_000)).level is VERY


@pytest.mark.parametrize("type", ["pipelined", "step", "multi", "reworkflow"])
def test_a_part_of_a_word_is_not_the_word(type: str) -> None:
    assert complexity(type, {}).level is SIMPLE


def test_the_reasons_say_what_gave_the_level() -> None:
    found = complexity("pipeline", {"data": [1] * 100})

    assert found.level is VERY
    assert found.reasons == ["100 rows", 'one level up for "pipeline" in the type']


def test_words() -> None:
    assert words_of("csv-to_JSON 2") == ["csv", "to", "json", "2"]
    assert words_of("SentimentAnalysis") == ["sentiment", "analysis"]
