"""Typed tasks and templates on small real data, and results put together as the caller asks, on both graphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import InvalidInput
from engine.model import Json, Task
from engine.states import TaskStatus
from tests.support.engines import Lab, finished, run, subtasks
from tests.support.plans import Body, plan, step

ORDERS: list[dict[str, Json]] = [
    {"id": number, "shop": "ab"[number % 2], "amount": number * 10} for number in range(1, 31)
]
"""Worth several stages, too small for parts."""


def _strategy(task: Task) -> str:
    origin: dict[str, str] = json.loads(task.body)["origin"]
    return f"{origin['by']} {origin['name']}"


async def test_data_processing_validates_processes_and_aggregates(lab: Lab) -> None:
    engine = await lab.start()
    parameters = {
        "filter": "amount > 10",
        "group_by": ["shop"],
        "aggregate": {"total": "sum(amount)"},
        "sort": ["shop"],
    }

    task = await run(engine, {"type": "data_processing", "input": {"data": ORDERS}, "parameters": parameters})

    assert (task.status, task.type, _strategy(task)) == (
        TaskStatus.COMPLETED, "data_processing", "strategy data_processing.v1",
    ), task.error  # fmt: skip
    assert {row.type for row in (await subtasks(engine, task.id)).values()} == {
        "validation",
        "processing",
        "aggregation",
    }
    totals = {shop: sum(row["amount"] for row in ORDERS if row["shop"] == shop and row["amount"] > 10) for shop in "ab"}
    assert (await engine.output(task))["data"] == [{"shop": shop, "total": totals[shop]} for shop in "ab"]


async def test_analysis_finds_what_is_in_the_numbers(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, {"type": "sales_analysis", "input": {"data": ORDERS}})

    assert (task.status, _strategy(task)) == (TaskStatus.COMPLETED, "strategy analysis.v1"), task.error
    assert "insights" in await engine.output(task)


async def test_generation_fills_a_template(lab: Lab) -> None:
    engine = await lab.start()
    body = {
        "type": "letter_generation",
        "input": {"data": {"name": "Ada", "items": ["x" * 40, "y" * 40, "z" * 40]}},
        "parameters": {"template": "Dear {{ name }}, {{ items | length }} items"},
    }

    task = await run(engine, body)

    assert (task.status, _strategy(task)) == (TaskStatus.COMPLETED, "strategy generation.v1"), task.error
    assert "Dear Ada, 3 items" in json.dumps(await engine.output(task))


async def test_transformation_changes_the_format(lab: Lab) -> None:
    engine = await lab.start()
    text = "id,name\n" + "".join(f"{number},n{number}\n" for number in range(40))

    task = await run(
        engine,
        {"type": "transformation", "input": {"data": text, "format": "csv"}, "parameters": {"to": "json"}},
    )

    assert (task.status, _strategy(task)) == (TaskStatus.COMPLETED, "strategy transformation.v1"), task.error
    assert json.loads((await engine.output(task))["text"])[39] == {"id": 39, "name": "n39"}


async def test_multi_step_does_the_given_steps(lab: Lab) -> None:
    engine = await lab.start()
    steps = [
        {"name": "sum", "type": "calculate", "input": {"expression": "2 + 3"}},
        {"name": "told", "type": "noop", "input": {"got": "{{subtasks.sum.output.value}}"}},
    ]

    task = await run(engine, {"type": "multi_step", "parameters": {"steps": steps}})

    assert (task.status, _strategy(task)) == (TaskStatus.COMPLETED, "strategy multi_step.v1"), task.error
    assert await engine.output(task) == {"got": 5}


@pytest.mark.parametrize(
    "body, pointer",
    [
        (
            {"type": "data_processing", "input": {"data": ORDERS}, "parameters": {"filtre": "a > 1"}},
            "/parameters/filtre",
        ),
        ({"type": "data_processing", "input": {"data": ORDERS}, "parameters": {"select": 5}}, "/parameters/select"),
        ({"type": "calculate", "input": {"expression": "import os"}}, "/input/expression"),
        (
            {"type": "multi_step", "parameters": {"steps": ["prepare", {"name": "b", "type": "dance"}]}},
            "/parameters/steps/1/type",
        ),
        (
            {
                "type": "multi_step",
                "parameters": {"steps": [{"name": "b", "type": "calculate", "input": {"expression": "1 +"}}]},
            },
            "/parameters/steps/0/input/expression",
        ),
        ({"type": "multi_step", "parameters": {"steps": ["dance"]}}, "/parameters/steps/0"),
        ({"type": "noop", "input": {"a": "b"}, "aggregate": "mean"}, "/aggregate"),
    ],
)
async def test_faults_are_told_where_the_caller_wrote_them(embedded_lab: Lab, body: Body, pointer: str) -> None:
    engine = await embedded_lab.start()

    with pytest.raises(InvalidInput) as refused:
        await engine.submit(body)

    assert pointer in [fault.pointer for fault in refused.value.faults], refused.value.faults


TEMPLATE = """
name: greet
description: Greets somebody
parameters:
  who: {type: string}
  times: {type: integer, default: 2, minimum: 1}
plan:
  subtasks:
    - {key: count, type: calculate, input: {expression: "n * 10", variables: {n: "{{parameters.times}}"}}}
    - {key: say, type: noop, input: {text: "Hello {{parameters.who}}", n: "{{subtasks.count.output.value}}"}}
defaults:
  description: A greeting
  tags: [greeting]
"""


@pytest.fixture
def templates(tmp_path: Path) -> str:
    """A folder with one template."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "greet.yaml").write_text(TEMPLATE, "utf-8")
    return str(folder)


async def test_a_template_is_filled_and_may_be_part_of_a_plan(lab: Lab, templates: str) -> None:
    engine = await lab.start(templates_path=templates)
    parameters = {"who": "{{input}} & Ada", "times": 3}

    whole = await run(engine, {"template": "greet", "parameters": parameters, "name": "mine"})
    part = await run(
        engine,
        plan(
            step("greet", type="subplan", input={"template": "greet", "parameters": {"who": "Bo"}}),
            step("after", "greet", input={"got": "{{subtasks.greet.output}}"}),
        ),
    )

    assert (whole.status, _strategy(whole)) == (TaskStatus.COMPLETED, "template greet"), whole.error
    assert (whole.type, whole.name, whole.tags, whole.description) == ("greet", "mine", ("greeting",), "A greeting")
    assert await engine.output(whole) == {"text": "Hello {{input}} & Ada", "n": 30}
    assert await engine.output(part) == {"got": {"text": "Hello Bo", "n": 20}}
    assert [shown["name"] for shown in (await engine.templates())["templates"]] == ["greet"]
    again = await finished(engine, (await engine.rerun(whole.id, "start")).task_id)
    assert (again.type, again.description, _strategy(again)) == (whole.type, whole.description, "template greet")


@pytest.mark.parametrize(
    "parameters, pointer",
    [({}, "/parameters/who"), ({"who": 5}, "/parameters/who"), ({"who": "A", "times": 0}, "/parameters/times")],
)
async def test_faults_of_a_template_are_told_at_its_parameters(
    embedded_lab: Lab, templates: str, parameters: dict[str, Json], pointer: str
) -> None:
    engine = await embedded_lab.start(templates_path=templates)

    with pytest.raises(InvalidInput) as refused:
        await engine.submit({"template": "greet", "parameters": parameters})

    assert [fault.pointer for fault in refused.value.faults] == [pointer]


OBJECTS = (step("a", input={"x": 1, "y": 1}), step("b", input={"y": 2}))


@pytest.mark.parametrize(
    "steps, wish, result, warned",
    [
        (OBJECTS, "merge", {"x": 1, "y": 2}, ""),
        (OBJECTS, "first", {"x": 1, "y": 1}, ""),
        (OBJECTS, "{{subtasks.a.output.x}}", 1, ""),
        (OBJECTS, "{{input.z}}", 9, ""),
        ((step("a", input=[1]), step("b", input=[2, 3])), "concat", [1, 2, 3], ""),
        ((step("a", input="x"), step("b", input="y")), "concat", "xy", ""),
        (OBJECTS, "concat", {"a": {"x": 1, "y": 1}, "b": {"y": 2}}, "concat needs lists"),
        (OBJECTS, "{{subtasks.a.output.nope}}", None, "aggregate"),
    ],
)
async def test_the_result_is_made_as_the_caller_asks(
    lab: Lab, steps: tuple[Body, ...], wish: str, result: Json, warned: str
) -> None:
    engine = await lab.start()

    task = await run(engine, plan(*steps, aggregate=wish, input={"z": 9}))

    assert (task.status, await engine.output(task)) == (TaskStatus.COMPLETED, result)
    assert (bool(task.error), warned in (task.error or "")) == (bool(warned), True)
    again = await finished(engine, (await engine.rerun(task.id, "start")).task_id)
    assert await engine.output(again) == result
