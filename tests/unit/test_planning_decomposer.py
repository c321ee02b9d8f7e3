"""The decomposer: which strategy, what graph, what generations; steps of the caller's; types of the user's own."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest

from engine import SubTask, TaskComplexity, TaskDecomposer
from engine.errors import InvalidInput
from engine.planning.registry import StrategyRegistry
from engine.planning.strategies.base import Draft, Wish, rate_words
from tests.support.planning import admitted


def chosen(type: str) -> str:
    """The strategy of a type; "" for none."""
    strategy = StrategyRegistry().choose(type)
    return strategy.name.removesuffix(".v1") if strategy else ""


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("data_processing", "data_processing"),
        ("process_orders", "data_processing"),
        ("nightly-etl", "data_processing"),
        ("sentiment_analysis", "analysis"),
        ("analyze", "analysis"),
        ("analyse_report", "analysis"),
        ("data_analysis", "analysis"),
        ("report_generation", "generation"),
        ("write", "generation"),
        ("analysis_report_generation", "generation"),
        ("generate_analysis", "generation"),
        ("convert", "transformation"),
        ("transform_orders", "transformation"),
        ("csv_to_json", "transformation"),
        ("csv2parquet", ""),
        ("orders_csv_to_md_daily", "transformation"),
        ("multi_step", "multi_step"),
        ("multi_step_analysis", "multi_step"),
        ("processing_pipeline", "multi_step"),
        ("workflow", "multi_step"),
        ("orchestration", "multi_step"),
        ("resize_image", ""),
        ("noop", ""),
        ("validation", ""),
        ("door_to_door", ""),
        ("translate_text", ""),
        ("", ""),
    ],
)
def test_the_words_of_a_type_choose_its_strategy(type: str, name: str) -> None:
    assert chosen(type) == name


def test_simple_is_one_subtask_and_an_empty_graph() -> None:
    subtasks, graph = TaskDecomposer().decompose("data_processing", {"data": "small"}, {})

    assert [type(subtask) for subtask in subtasks] == [SubTask]
    assert (len(graph), TaskDecomposer().get_parallel_tasks(graph)) == (0, [])


def test_complex_is_a_graph_of_all_subtasks() -> None:
    rows = [{"a": number} for number in range(30_000)]

    subtasks, graph = TaskDecomposer().decompose("data_processing", {"data": rows}, {})

    assert nx.is_directed_acyclic_graph(graph)
    assert list(graph) == [subtask.key for subtask in subtasks]
    assert set(graph.predecessors("process_2")) == {"validate_2"}
    assert TaskDecomposer().get_parallel_tasks(graph) == [
        ["validate_1", "validate_2", "validate_3"],
        ["process_1", "process_2", "process_3"],
        ["aggregate"],
    ]


def test_input_and_parameters_may_be_left_out() -> None:
    planned = TaskDecomposer().plan("noop")

    assert planned.subtasks == [SubTask("task", "noop", {})]
    assert (planned.strategy, planned.level) == ("single.v1", TaskComplexity.SIMPLE)


# --- types of the user's own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("input", "parameters", "expected"),
    [
        ({"path": "{{input.path}}"}, {"width": 3}, {"path": r"\{{input.path}}", "width": 3}),
        ([1, 2], {}, [1, 2]),
        ([1, 2], {"width": 3}, {"data": [1, 2], "width": 3}),
    ],
)
def test_a_type_without_a_known_word_is_a_tool(input: Any, parameters: dict[str, Any], expected: Any) -> None:
    (single,), graph = TaskDecomposer().decompose("resize_image", input, parameters)

    assert (single.type, single.input, len(graph)) == ("resize_image", expected, 0)


def test_a_tool_of_the_user_s_stands_for_itself_however_large_its_input() -> None:
    decomposer = TaskDecomposer(tools={"process_orders"}, literal=lambda type: {"code"})

    ((single,), _) = decomposer.decompose("process_orders", {"code": "{{input}}", "data": ["{{input}}"] * 1_000}, {})

    assert single.type == "process_orders"
    assert single.input["code"] == "{{input}}"
    assert single.input["data"][0] == r"\{{input}}"


def test_a_built_in_type_of_one_step_is_that_step() -> None:
    ((single,), _) = TaskDecomposer().decompose("write_file", {"path": "a", "content": "b"}, {})

    assert (single.type, single.input) == ("write_file", {"path": "a", "content": "b"})


class Reports:
    """A strategy as a user would write it."""

    name = "reports.v2"

    def rate(self, type: str) -> float:
        """By one word."""
        return rate_words(type, (), ("report", "generation"))

    def plan(self, wish: Wish) -> Draft:
        """Two subtasks."""
        return Draft([SubTask("query", "shell"), SubTask("print", "noop", {}, ("query",))], [wish.level.value])


def test_a_strategy_of_the_user_s() -> None:
    decomposer = TaskDecomposer()
    decomposer.registry.register(Reports())

    planned = decomposer.plan("report_generation", {})

    assert (planned.strategy, planned.reasons[-1]) == ("reports.v2", "simple")
    assert decomposer.registry.names()[-1] == "reports.v2"
    assert decomposer.get_parallel_tasks(decomposer.decompose("report", {})[1]) == [["query"], ["print"]]
    decomposer.registry.register(Reports())
    assert decomposer.registry.names().count("reports.v2") == 1


# --- steps ---------------------------------------------------------------------------------------------------------


def steps(*given: Any, input: Any = None, type: str = "multi_step") -> list[SubTask]:
    """The subtasks for given steps."""
    subtasks, graph = TaskDecomposer().decompose(type, input, {"steps": list(given)})
    assert nx.is_directed_acyclic_graph(graph)
    assert len(graph) == len(subtasks)
    admitted(subtasks, input)
    return subtasks


def test_steps_follow_one_another_with_falling_priorities() -> None:
    made = steps(*(f"step {number}" for number in range(12)), input={"a": 1})

    assert [subtask.key for subtask in made[:2]] == ["step_0", "step_1"]
    assert [subtask.type for subtask in made[:2]] == ["step 0", "step 1"]
    assert [subtask.priority for subtask in made] == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [subtask.dependencies for subtask in made[:3]] == [(), ("step_0",), ("step_1",)]
    assert [subtask.input for subtask in made[:2]] == ["{{input}}", "{{previous_output}}"]


def test_steps_may_say_what_they_need() -> None:
    made = steps(
        "noop",
        {"name": "left side", "type": "noop", "dependencies": ["noop"]},
        {"name": "right side", "type": "noop", "dependencies": ["noop"], "priority": 1},
        {"name": "free", "type": "noop", "dependencies": []},
        {
            "name": "end",
            "type": "noop",
            "input": {"x": "{{subtasks.free.output}}"},
            "dependencies": ["left side", "free"],
        },
    )
    _, graph = TaskDecomposer().decompose("workflow", None, {"steps": [subtask.as_dict() for subtask in made]})

    assert TaskDecomposer().get_parallel_tasks(graph) == [["noop", "free"], ["left_side", "right_side"], ["end"]]
    assert made[2].priority == 1
    assert made[4].dependencies == ("left_side", "free")
    assert made[4].input == {"x": "{{subtasks.free.output}}"}


def test_steps_of_known_types_get_the_data_as_they_need_it() -> None:
    made = steps("parsing", "analysis", "insight_generation", "formatting", input={"path": "a.csv"})

    assert [subtask.input for subtask in made] == [
        {"path": "{{input.path}}"},
        {"data": "{{previous_output}}"},
        {"analysis": "{{previous_output}}"},
        {"data": "{{previous_output}}", "to": "json"},
    ]


def test_equal_names_get_different_keys_and_further_fields_are_kept() -> None:
    made = steps("noop", "noop", {"type": "noop", "timeout_seconds": 3.0, "run_if": "all_settled"})

    assert [subtask.key for subtask in made] == ["noop", "noop_2", "noop_3"]
    assert made[2].as_dict()["timeout_seconds"] == 3.0


def test_steps_may_stand_in_the_input_or_beside_another_type() -> None:
    subtasks, _ = TaskDecomposer().decompose("workflow", {"steps": ["noop"]}, {})
    assert [(subtask.key, subtask.input) for subtask in subtasks] == [("noop", {})]
    assert TaskDecomposer().plan("data_processing", {}, {"steps": ["noop"]}).strategy == "multi_step.v1"
    assert TaskDecomposer().plan("my_tool", {}, {"steps": ["noop"]}).subtasks[0].input == {"steps": ["noop"]}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ([], "/parameters/steps"),
        ("noop", "/parameters/steps"),
        ([5], "/parameters/steps/0"),
        ([{}], "/parameters/steps/0"),
        ([" "], "/parameters/steps/0"),
        (["a", {"type": "b", "dependencies": "a"}], "/parameters/steps/1/dependencies"),
        ([{"type": "b", "priority": 11}], "/parameters/steps/0/priority"),
        ([{"type": "b", "dependencies": ["c"]}], "/parameters/steps"),
        ([{"type": "b", "dependencies": ["b"]}], "/parameters/steps"),
    ],
)
def test_steps_that_are_none_are_refused_where_they_stand(given: Any, pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        TaskDecomposer().decompose("workflow", {}, {"steps": given})
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_a_parameter_that_no_step_takes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="belongs to no step"):
        TaskDecomposer().decompose("workflow", {}, {"steps": ["noop"], "filter": "a > 1"})


def test_steps_that_wait_for_one_another_are_named() -> None:
    knot = [{"name": "a", "type": "x", "dependencies": ["b"]}, {"name": "b", "type": "x", "dependencies": ["a"]}]

    with pytest.raises(InvalidInput, match="wait for one another: "):
        TaskDecomposer().decompose("workflow", {}, {"steps": knot})


def test_without_steps_prepare_execute_and_finalize_share_the_parameters() -> None:
    subtasks, _ = TaskDecomposer().decompose(
        "pipeline", {"data": [{"a": 1}]}, {"schema": {"type": "object"}, "filter": "a > 1", "to": "csv"}
    )

    assert [subtask.input for subtask in subtasks] == [
        {"data": "{{input.data}}", "schema": {"type": "object"}},
        {"data": "{{subtasks.prepare.output}}", "filter": "a > 1"},
        {"data": "{{subtasks.execute.output}}", "to": "csv"},
    ]


def test_several_files_are_prepared_side_by_side() -> None:
    subtasks, _ = TaskDecomposer().decompose("pipeline", {"paths": ["a.csv", "b.csv"]}, {"on_fault": "fail"})

    assert [subtask.key for subtask in subtasks] == ["prepare_1", "prepare_2", "combine", "execute", "finalize"]
    assert subtasks[1].input == {"path": "{{input.paths[1]}}", "on_fault": "fail"}
    assert subtasks[3].input == {"data": "{{subtasks.combine.output}}"}
    with pytest.raises(InvalidInput, match="a step reads one file"):
        TaskDecomposer().decompose("pipeline", {"paths": ["a.csv", "b.csv"]}, {"steps": ["parsing"]})


def test_a_plan_is_the_body_of_a_task() -> None:
    planned = TaskDecomposer().plan("noop", {"a": 1})

    assert planned.as_plan() == {
        "subtasks": [{"key": "task", "type": "noop", "input": {"a": 1}, "dependencies": [], "priority": 5}]
    }
    assert planned.subtasks[0].id == "task"
