"""The five strategies: which stages they plan, with which priorities, and which of them get which parameters."""

from __future__ import annotations

from typing import Any

import pytest

from engine import TaskDecomposer
from engine.errors import InvalidInput
from engine.planning.strategies.base import AS_THEY_ARE
from engine.planning.subtasks import Planned
from tests.support.planning import admitted, by_key, resolved

ROWS = [{"a": number, "g": "x"} for number in range(30)]
LONG = {"data": "x" * 200}
"""Moderate: worth several stages, too small for parts."""


def plan(type: str, input: Any = None, **parameters: Any) -> Planned:
    """The plan, which the engine's door lets in."""
    planned = TaskDecomposer().plan(type, input, parameters)
    admitted(planned.subtasks, input)
    return planned


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


# --- data processing -----------------------------------------------------------------------------------------------


def stages(input: Any, **parameters: Any) -> dict[str, Any]:
    """The inputs of the subtasks by key."""
    return {key: subtask.input for key, subtask in by_key(plan("data_processing", input, **parameters)).items()}


def test_in_one_piece_grouping_is_the_last_stage() -> None:
    found = stages(LONG, filter="a > 1", group_by=["g"], aggregate={"m": "median(a)"}, sort=["m"], on_fault="fail")

    assert found == {
        "validate": {"data": "{{input.data}}", "on_fault": "fail"},
        "process": {"data": "{{subtasks.validate.output.data}}", "filter": "a > 1"},
        "aggregate": {
            "data": "{{subtasks.process.output}}",
            "group_by": ["g"],
            "aggregate": {"m": "median(a)"},
            "sort": ["m"],
        },
    }


@pytest.mark.parametrize(
    "parameters",
    [{"sql": "select 1"}, {"select": ["a"], "sort": ["b"]}, {"aggregate": {"n": "count(*)"}, "distinct": True}],
)
def test_in_one_piece_all_else_is_done_by_processing(parameters: dict[str, Any]) -> None:
    found = stages(LONG, **parameters)

    assert found["process"] == {"data": "{{subtasks.validate.output.data}}", **parameters}
    assert found["aggregate"] == {"data": "{{subtasks.process.output}}", **AS_THEY_ARE}, "rows, not statistics"


def test_without_parameters_the_last_stage_gives_the_statistics_of_the_columns() -> None:
    assert stages(LONG, schema={"type": "object"})["aggregate"] == {"data": "{{subtasks.process.output}}"}


def test_an_unknown_parameter_reaches_a_stage_that_refuses_it() -> None:
    assert stages(LONG, filtre="a > 1")["process"]["filtre"] == "a > 1"
    assert stages({"data": "a"}, filtre="a > 1")["data_processing"]["filtre"] == "a > 1"


def test_rows_in_parts_are_merged() -> None:
    found = stages({"data": ROWS}, group_by=["g"], aggregate={"n": "count(*)"}, sort=["n"], partition_rows=15)

    assert found["validate_2"] == {"data": "{{input.data}}", "part": {"offset": 15, "rows": 15}}
    assert found["process_2"] == {
        "data": "{{subtasks.validate_2.output.data}}",
        "group_by": ["g"],
        "aggregate": {"n": "count(*)"},
        "partial": True,
    }
    assert found["aggregate"] == {
        "parts": ["{{subtasks.process_1.output}}", "{{subtasks.process_2.output}}"],
        "group_by": ["g"],
        "aggregate": {"n": "count(*)"},
        "sort": ["n"],
    }


def test_rows_without_aggregate_are_put_together_in_their_order_again() -> None:
    found = stages({"data": ROWS}, select=["a"], sort=["-a"], limit=3, distinct=True, partition_rows=15)

    assert found["process_1"] == {
        "data": "{{subtasks.validate_1.output.data}}",
        "select": ["a"],
        "sort": ["-a"],
        "limit": 3,
        "distinct": True,
    }
    assert found["aggregate"].keys() == {"parts", "sort", "limit", "distinct"}
    assert stages({"data": ROWS}, filter="a > 1", partition_rows=15)["aggregate"]["limit"] == 10**12


def test_statistics_are_merged_from_parts() -> None:
    found = stages({"data": ROWS}, partition_rows=15)

    assert found["process_1"] == {"data": "{{subtasks.validate_1.output.data}}", "partial": True}
    assert found["aggregate"].keys() == {"parts"}


def test_a_column_of_several_types_is_validated_whole_unless_a_schema_says_what_it_is() -> None:
    mixed = {"data": [*ROWS, {"a": "text"}]}

    whole = plan("data_processing", mixed, partition_rows=16)
    assert [subtask.key for subtask in whole.subtasks] == ["validate", "process_1", "process_2", "aggregate"]
    assert by_key(whole)["process_2"].input["part"] == {"offset": 16, "rows": 15}
    assert "validated in one piece" in whole.reasons[-1]
    assert "validate_2" in stages(mixed, partition_rows=16, schema={"type": "object"})


def test_the_learned_speed_chooses_the_parts() -> None:
    rows = {"data": [{"a": 1}] * 6_000}

    planned = TaskDecomposer().plan("data_processing", rows, {}, rows_per_second=1_000.0)

    assert [subtask.key for subtask in planned.subtasks][-2:] == ["process_3", "aggregate"]
    assert len(TaskDecomposer().plan("data_processing", rows, {}).subtasks) == 3


def test_a_file_has_parts_that_validation_finds() -> None:
    planned = plan(
        "etl", {"path": "a.csv", "format": "csv"}, partition_rows=50, filter="a > 1", schema={"type": "object"}
    )

    found = by_key(planned)
    assert found["validate"].input == {
        "path": "{{input.path}}",
        "format": "{{input.format}}",
        "schema": {"type": "object"},
        "output": "parts",
        "partition_rows": 50,
    }
    assert found["process"].input == {"source": "{{item}}", "schema": {"type": "object"}, "filter": "a > 1"}
    assert found["process"].as_dict()["map"] == {"over": "{{subtasks.validate.output.parts}}"}
    assert found["aggregate"].input == {"parts": "{{subtasks.process.output}}", **AS_THEY_ARE}


@pytest.mark.parametrize(
    ("input", "parameters", "why"),
    [
        ({"data": "x" * 2_000}, {}, "text are not counted"),
        ({"url": "https://a.org", "bytes": 5_000}, {}, "read once"),
        ({"path": "a.csv", "bytes": 5_000, "part": {"offset": 0, "rows": 1}}, {}, "a part already"),
        ({"data": ROWS * 5}, {}, "150 rows are no more than the 10,000"),
        ({"data": ROWS}, {"sql": "select 1", "partition_rows": 2}, "sql may look"),
        ({"data": ROWS}, {"join": {"with": [{"b": "x" * 20_000}]}, "partition_rows": 2}, "rows of join"),
    ],
)
def test_in_one_piece_for_a_reason(input: Any, parameters: dict[str, Any], why: str) -> None:
    planned = plan("data_processing", input, **parameters)

    assert [subtask.key for subtask in planned.subtasks] == ["validate", "process", "aggregate"]
    assert planned.reasons[-1].startswith("in one piece: ")
    assert why in planned.reasons[-1]


def test_several_files_are_processed_side_by_side() -> None:
    planned = plan("data_processing", {"paths": ["a.csv", "b.csv"]}, aggregate={"n": "count(*)"})

    found = by_key(planned)
    assert found["validate_2"].input == {"path": "{{input.paths[1]}}"}
    assert found["process_2"].dependencies == ("validate_2",)
    assert found["aggregate"].dependencies == ("process_1", "process_2")


def test_several_files_are_put_together_where_they_must_be_seen_as_one() -> None:
    planned = plan("data_processing", {"paths": ["a.csv", "b.csv"]}, sql="select 1")

    keys = [subtask.key for subtask in planned.subtasks]
    assert keys == ["validate_1", "validate_2", "combine", "process", "aggregate"]
    assert by_key(planned)["process"].input == {"data": "{{subtasks.combine.output.data}}", "sql": "select 1"}


def test_a_thousand_files_are_a_thousand_chains() -> None:
    planned = plan("data_processing", {"paths": [f"{n}.csv" for n in range(1_000)], "format": "csv"})

    assert len(planned.subtasks) == 2_001
    assert by_key(planned)["validate_1000"].input == {"path": "{{input.paths[999]}}", "format": "{{input.format}}"}


def test_braces_in_parameters_are_text_and_a_join_may_refer_to_the_input() -> None:
    join = {"with": "{{input.customers}}", "on": ["a"]}
    input = {"data": "x" * 100, "customers": [{"a": 1}]}

    process = by_key(plan("data_processing", input, filter="s = '{{input.data}}'", join=join))["process"]

    seen = resolved(process, input, {"validate": {"data": []}})
    assert seen == {"data": [], "filter": "s = '{{input.data}}'", "join": {"with": [{"a": 1}], "on": ["a"]}}


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
