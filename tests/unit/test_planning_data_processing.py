"""Data processing: what each stage gets, in one piece, in parts, and over several files."""

from __future__ import annotations

from typing import Any

import pytest

from engine import TaskDecomposer
from engine.planning.strategies.base import AS_THEY_ARE
from tests.support.planning import LONG, ROWS, by_key, plan, resolved


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
