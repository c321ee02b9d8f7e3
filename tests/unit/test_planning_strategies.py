"""The five strategies: which stages they plan, with which priorities, and which of them get which parameters."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.planning.subtasks import Planned
from tests.support.planning import LONG, ROWS, by_key, plan, resolved


def shape(planned: Planned) -> list[tuple[str, str, int]]:
    """Key, type and priority of each subtask."""
    return [(subtask.key, subtask.type, subtask.priority) for subtask in planned.subtasks]


@pytest.mark.parametrize(
    ("type", "name", "stages"),
    [
        (
            "data_processing",
            "data_processing.v1",
            [("validate", "validation", 10), ("process", "processing", 5), ("aggregate", "aggregation", 3)],
        ),
        (
            "sentiment_analysis",
            "analysis.v1",
            [("extract", "extraction", 8), ("analyse", "analysis", 6), ("insights", "insight_generation", 4)],
        ),
        (
            "report_generation",
            "generation.v1",
            [("plan", "planning", 7), ("generate", "generation", 5), ("validate", "validation", 6)],
        ),
        (
            "csv_to_json",
            "transformation.v1",
            [("parse", "parsing", 9), ("transform", "transformation", 5), ("format", "formatting", 4)],
        ),
        (
            "workflow",
            "multi_step.v1",
            [("prepare", "prepare", 10), ("execute", "execute", 9), ("finalize", "finalize", 8)],
        ),
    ],
)
def test_the_stages_of_each_strategy(type: str, name: str, stages: list[tuple[str, str, int]]) -> None:
    planned = plan(type, LONG)

    assert (planned.strategy, shape(planned)) == (name, stages)
    assert [subtask.dependencies[-1:] for subtask in planned.subtasks] == [(), (stages[0][0],), (stages[1][0],)]


@pytest.mark.parametrize(
    ("type", "subtask", "input"),
    [
        ("data_processing", "data_processing", {"data": "{{input.data}}", "limit": 3}),
        ("analysis", "analysis", {"data": "{{input.data}}", "limit": 3, "insights": True}),
        ("generation", "generation", {"data": "{{input.data}}", "limit": 3}),
        ("transformation", "transformation", {"data": "{{input.data}}", "limit": 3, "to": "json", "whole": True}),
    ],
)
def test_a_simple_task_is_one_subtask_that_does_all(type: str, subtask: str, input: dict[str, Any]) -> None:
    (single,) = plan(type, {"data": "a"}, limit=3).subtasks

    assert (single.type, single.input, single.dependencies) == (subtask, input, ())


# --- where data is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("input", "fields"),
    [
        ([1], {"data": "{{input}}"}),
        ({"text": "t"}, {"data": "{{input}}"}),
        ({"data": "a", "format": "csv"}, {"data": "{{input.data}}", "format": "{{input.format}}"}),
        ({"path": "a.csv", "rows": 3}, {"path": "{{input.path}}"}),
        ({"url": "https://a.org"}, {"url": "{{input.url}}"}),
        ({"paths": ["a.csv"]}, {"path": "{{input.paths[0]}}"}),
        ({"path": "a.csv", "part": {"offset": 1, "rows": 2}}, {"path": "{{input.path}}", "part": "{{input.part}}"}),
    ],
)
def test_data_is_referred_to_and_not_copied(input: Any, fields: dict[str, Any]) -> None:
    (single,) = plan("analysis", input).subtasks

    assert single.input == {**fields, "insights": True}


@pytest.mark.parametrize(
    ("input", "pointer"),
    [
        ({"data": 1, "path": "a"}, "/input"),
        ({"paths": []}, "/input/paths"),
        ({"paths": "a.csv"}, "/input/paths"),
        ({"paths": ["a.csv", 5]}, "/input/paths/1"),
    ],
)
def test_an_input_that_contradicts_itself_is_refused(input: Any, pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan("analysis", input)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


# --- analysis ------------------------------------------------------------------------------------------------------


def test_sections_of_an_analysis_run_side_by_side() -> None:
    planned = plan("analyze", {"data": ROWS * 5}, columns=["a"], by="g")

    found = by_key(planned)
    assert found["extract"].input["columns"] == ["a", "g"], "the column to group by is kept"
    assert found["analyse_trends"].input == {
        "data": "{{subtasks.extract.output}}",
        "columns": ["a"],
        "by": "g",
        "sections": ["trends"],
    }
    assert len(found["insights"].dependencies) == len(found["insights"].input["analysis"]) == 5


@pytest.mark.parametrize(
    "parameters", [{"sections": ["trends"]}, {"sections": ["nonsense", "trends"]}, {"sections": 5}]
)
def test_one_section_or_an_unknown_one_is_not_split(parameters: dict[str, Any]) -> None:
    planned = plan("analysis", {"data": ROWS * 5}, **parameters)

    assert [subtask.key for subtask in planned.subtasks] == ["extract", "analyse", "insights"]
    assert by_key(planned)["analyse"].input["sections"] == parameters["sections"]


def test_a_text_is_analysed_as_one() -> None:
    assert len(plan("analysis", {"data": "x" * 2_000}).subtasks) == 3
    assert len(plan("analysis", {"data": "x" * 2_000, "format": "csv"}).subtasks) == 7


def test_a_question_needs_the_stage_that_answers_it() -> None:
    found = by_key(plan("analysis", {"data": ROWS[:1]}, question="Why {{input}}?", words="rules"))

    assert found["insights"].input == {
        "analysis": "{{subtasks.analyse.output}}",
        "question": r"Why \{{input}}?",
        "words": "rules",
    }


def test_several_files_are_analysed_together() -> None:
    keys = [subtask.key for subtask in plan("analysis", {"paths": ["a.csv", "b.csv"]}).subtasks]

    assert keys == ["extract_1", "extract_2", "combine", "analyse", "insights"]


# --- generation ----------------------------------------------------------------------------------------------------


def test_a_template_is_never_resolved_and_a_prompt_gets_the_outline() -> None:
    template = by_key(plan("generation", LONG, template="{{input.data}}"))
    prompt = by_key(plan("generation", LONG, prompt="Say {{input.data}}", system="short"))

    assert template["generate"].input == {"data": "{{input.data}}", "template": "{{input.data}}"}
    assert template["plan"].input == {"data": "{{input.data}}", "template": "{{input.data}}"}
    seen = resolved(prompt["generate"], LONG, {"plan": {"outline": [{"section": 1}]}})
    assert seen["prompt"] == 'Say {{input.data}}\n\nFollow this outline:\n[{"section":1}]'
    assert seen["system"] == "short"


def test_a_template_may_stand_in_the_input() -> None:
    (single,) = plan("generation", {"name": "Ada", "template": "Hi {{ name }}"}).subtasks

    assert single.input == {"data": "{{input}}", "template": "Hi {{ name }}"}


def test_checks_and_files_need_stages_of_their_own() -> None:
    checked = by_key(plan("generation", {}, template="a", min_length=3))
    read = by_key(plan("generation", {"path": "a.csv"}, template="a"))

    assert checked["validate"].input == {
        "data": "{{subtasks.generate.output.text}}",
        "format": "text",
        "min_length": 3,
    }
    assert "data" not in checked["generate"].input
    assert read["read"].input == {"path": "{{input.path}}"}
    assert read["generate"].dependencies == ("read", "plan")


def test_a_template_for_each_of_many_rows_is_filled_in_parts() -> None:
    planned = plan("generation", {"data": ROWS}, template="{{ a }}", each=True, partition_rows=7)

    found = by_key(planned)
    assert found["rows_2"].input == {"data": "{{input.data}}", "part": {"offset": 6, "rows": 6}}
    assert found["generate_2"].input == {"data": "{{subtasks.rows_2.output.data}}", "template": "{{ a }}", "each": True}
    assert len(found["merge"].input["data"]["parts"]) == 5
    assert found["validate"].input["data"] == "{{subtasks.merge.output.text}}"
    assert len(plan("generation", {"data": ROWS}, template="{{ a }}", partition_rows=7).subtasks) == 3


# --- transformation ------------------------------------------------------------------------------------------------


def test_formats_come_from_the_parameters_or_the_type() -> None:
    said = by_key(plan("csv_to_yml", LONG))
    given = by_key(plan("csv_to_yml", LONG, **{"from": "ndjson", "to": "xml", "to_path": "o.xml"}))

    assert (said["parse"].input["format"], said["format"].input["to"]) == ("csv", "yaml")
    assert (given["parse"].input["format"], given["format"].input["to"]) == ("ndjson", "xml")
    assert given["format"].input["to_path"] == "o.xml"


def test_a_simple_conversion_has_one_format_for_what_it_reads() -> None:
    (single,) = plan("convert", {"data": "a", "format": "text"}, **{"from": "csv"}).subtasks

    assert single.input == {"data": "{{input.data}}", "from": "csv", "to": "json", "whole": True}


def test_rows_are_transformed_in_parts() -> None:
    found = by_key(plan("convert", {"data": ROWS}, derive={"b": "a + 1"}, partition_rows=10))

    assert found["transform_3"].input == {
        "data": "{{subtasks.parse.output.data}}",
        "part": {"offset": 20, "rows": 10},
        "derive": {"b": "a + 1"},
    }
    assert found["format"].input["parts"] == [f"{{{{subtasks.transform_{n}.output}}}}" for n in (1, 2, 3)]


@pytest.mark.parametrize("parameters", [{"sort": ["a"]}, {"limit": 3}, {"sql": "select 1"}])
def test_what_looks_at_all_rows_is_transformed_in_one_piece(parameters: dict[str, Any]) -> None:
    planned = plan("convert", {"data": ROWS}, partition_rows=10, **parameters)

    assert [subtask.key for subtask in planned.subtasks] == ["parse", "transform", "format"]
    assert planned.reasons[-1].startswith("in one piece")


@pytest.mark.parametrize(
    ("input", "why"),
    [
        ({"data": "a,b\n" * 1_000, "format": "csv"}, "not known before"),
        ({"data": ROWS * 5}, "no more than the 10,000"),
    ],
)
def test_a_conversion_in_one_piece_for_a_reason(input: Any, why: str) -> None:
    assert why in plan("convert", input).reasons[-1]


def test_several_files_are_converted_together() -> None:
    keys = [subtask.key for subtask in plan("convert", {"paths": ["a.csv", "b.csv"]}).subtasks]

    assert keys == ["parse_1", "parse_2", "combine", "transform", "format"]
