"""What grows, and what a map says of its items: decisions without a graph."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Category, InvalidInput, ToolError
from engine.model import Expand, Growth, Json
from engine.plan.expansion import Bounds, ends_of, grown, output_of
from engine.plan.items import followers, items
from engine.plan.spec import MapSpec, Refs, Spec
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from tests.support.plans import Body, new_task, plan, step

TOOLS = ToolRegistry([Noop()])
PARENT = "T.0000003"
WIDE = Bounds(5, 1_000)


def _grow(*steps: Body, refs: Refs | None = None, parent: str = PARENT, bounds: Bounds = WIDE) -> Growth:
    return grown(Expand(list(steps)), parent, "p", refs, TOOLS.get, TOOLS.names(), bounds)


def _spec(growth: Growth, key: str) -> Spec:
    return Spec.decode(next(child.spec for child in growth.children if child.key == key))


def test_children_come_in_an_order_in_which_none_needs_a_later_one() -> None:
    growth = _grow(step("z", "y"), step("x"), step("y", "x"), step("w"))

    assert [child.key for child in growth.children] == ["p[x]", "p[w]", "p[y]", "p[z]"]
    ids = {child.key: child.id for child in growth.children}
    assert ids["p[z]"] == f"{PARENT}.0000000"
    assert set(growth.edges) == {(ids["p[z]"], ids["p[y]"]), (ids["p[y]"], ids["p[x]"])}
    assert growth.roots == {ids["p[x]"], ids["p[w]"]}
    assert growth.ends == {ids["p[z]"], ids["p[w]"]}
    assert [child.unmet for child in growth.children] == [1, 1, 1, 1]
    assert [child.generation for child in growth.children] == [1, 1, 2, 3]


def test_references_are_local_and_those_of_the_parent() -> None:
    outer = Refs(keys={"before": (0, False), "many": (1, True)})
    growth = _grow(
        step("a", input="{{subtasks.before.output}}"),
        step("b", input=["{{subtasks.a.output}}", "{{subtasks.many.output[0]}}", "{{input.x}}"]),
        refs=outer,
    )

    assert _spec(growth, "p[a]").refs == Refs(keys={"before": (0, False)})
    found = _spec(growth, "p[b]")
    assert found.refs == Refs(keys={"a": ("0000003.0000000", False), "many": (1, True)})
    assert found.implied == ["0000003.0000000"]


@pytest.mark.parametrize(
    "steps, words",
    [
        ([step("a", input="{{subtasks.later.output}}")], 'there is no subtask "later"'),
        ([step("a", "a")], "depends on itself"),
        ([step("a", type="tango")], "there is no subtask type"),
        ([step("bad key")], "/subtasks/0/key"),
        ([{"type": "noop"}], "/subtasks/0/key"),
        (["nonsense"], "/subtasks/0"),
        ([], "at least one"),
        ([step("a", input=float("nan"))], "nan"),
    ],
)
def test_a_faulty_expansion_says_where(steps: list[Any], words: str) -> None:
    with pytest.raises(ToolError, match="no valid plan") as caught:
        _grow(*steps)

    assert words in str(caught.value)
    assert caught.value.category is Category.LOGIC


@pytest.mark.parametrize("bounds, parent", [(Bounds(5, 1), PARENT), (Bounds(1, 9), "T.0000003.0000001")])
def test_bounds_are_not_exceeded_and_not_tried_again(bounds: Bounds, parent: str) -> None:
    with pytest.raises(ToolError) as caught:
        _grow(step("a"), step("b"), bounds=bounds, parent=parent)

    assert (caught.value.category, caught.value.repeat) == (Category.RESOURCE, False)


def test_an_output_stands_for_the_ends_unless_the_tool_gave_one() -> None:
    growth = _grow(step("a"), step("b", "a"), step("c"))

    shown = output_of(Expand([], note={"by": "me"}), growth, "p")

    assert shown == {"$grown": {"c": "0000003.0000002", "b": "0000003.0000001"}, "subtasks": 3, "note": {"by": "me"}}
    assert ends_of(shown, "T") == {"c": "T.0000003.0000002", "b": "T.0000003.0000001"}
    assert output_of(Expand([], output=None), growth, "p") is None
    assert [ends_of(value, "T") for value in (None, {"$grown": 3}, {"$grown": {"a": 1}}, {"a": 1})] == [None] * 4


# --- maps -----------------------------------------------------------------------------------------------------------


def _mapped(**fields: Json) -> Spec:
    return Spec(map=MapSpec([], **fields))


def test_a_batch_holds_what_is_left_at_the_end() -> None:
    growth = items(_mapped(batch=2), PARENT, "m", "noop", [1, 2, 3])

    specs = [Spec.decode(child.spec) for child in growth.children]
    assert [(spec.items, spec.index) for spec in specs] == [([1, 2], 0), ([3], 1)]


def test_followers_depend_on_the_items_they_are_made_of() -> None:
    growth = followers(_mapped(batch=2, follows=1), PARENT, "m", "noop", 3)

    assert [Spec.decode(child.spec).upstream for child in growth.children] == [
        ["0000001.0000000", "0000001.0000001"],
        ["0000001.0000002"],
    ]
    assert [child.unmet for child in growth.children] == [3, 2]
    assert growth.edges == [
        (f"{PARENT}.0000000", "T.0000001.0000000"),
        (f"{PARENT}.0000000", "T.0000001.0000001"),
        (f"{PARENT}.0000001", "T.0000001.0000002"),
    ]


def test_more_items_than_the_limit_are_refused_in_every_stage() -> None:
    for make in (
        lambda: items(_mapped(limit=2), PARENT, "m", "noop", [1, 2, 3]),
        lambda: followers(_mapped(limit=2, follows=1), PARENT, "m", "noop", 3),
    ):
        with pytest.raises(ToolError, match="longer than the limit of 2"):
            make()


CHAIN = plan(
    step("other"),
    step("a", map={"over": [1]}),
    step("b", map={"over": "{{subtasks.a.output}}", "batch": 10}, priority=5),
    step("c", "b", map={"over": "{{previous_output}}"}),
    step("join", "c"),
)


def test_the_stages_of_a_chain_share_a_lane() -> None:
    task = new_task(CHAIN)
    specs = {subtask.key: Spec.decode(subtask.spec).map for subtask in task.subtasks}
    keys = {subtask.key: subtask.order_key for subtask in task.subtasks}

    assert keys["a"] == keys["b"] == keys["c"] < keys["join"]
    found = {key: (spec.stage, spec.span, spec.follows) for key, spec in specs.items() if spec}
    assert found == {"a": (0, 1, None), "b": (1, 10, 1), "c": (2, 10, 2)}
    ids = {subtask.key: subtask.id for subtask in task.subtasks}
    assert {subtask.key: subtask.follows for subtask in task.subtasks if subtask.follows} == {
        "b": ids["a"],
        "c": ids["b"],
    }


def test_items_sort_behind_their_maps_lower_item_first_then_the_later_stage() -> None:
    task = new_task(plan(step("a", map={"over": [1]}), step("b", map={"over": "{{subtasks.a.output}}"})))
    first, second = (Spec.decode(subtask.spec) for subtask in task.subtasks)
    every = [
        *items(first, task.subtasks[0].id, "a", "noop", [1, 2]).children,
        *followers(second, task.subtasks[1].id, "b", "noop", 2).children,
    ]

    assert [one.key for one in sorted(every, key=lambda one: one.order_key)] == ["b[0]", "a[0]", "b[1]", "a[1]"]
    assert all(one.order_key > task.subtasks[0].order_key for one in every)


@pytest.mark.parametrize(
    "over",
    ["{{subtasks.a.output[0]}}", "{{subtasks.a.output.items}}"],
)
def test_a_part_of_a_map_s_output_is_joined_first(over: str) -> None:
    task = new_task(plan(step("a", map={"over": [1]}), step("b", map={"over": over})))

    assert task.subtasks[1].follows is None


@pytest.mark.parametrize(
    "value, fallback",
    [("{{subtasks.a.output}}", None), ("{{previous_output}}", None), ("x", "{{subtasks.a.output}}")],
)
def test_a_stage_cannot_have_all_of_what_it_follows(value: str, fallback: str | None) -> None:
    more = {"fallback": {"type": "noop", "input": fallback}} if fallback else {}
    body = plan(
        step("a", map={"over": [1]}), step("b", "a", map={"over": "{{subtasks.a.output}}"}, input=value, **more)
    )

    with pytest.raises(InvalidInput, match="item by item"):
        new_task(body)


def test_a_batch_has_items_and_no_item() -> None:
    with pytest.raises(InvalidInput, match=r"write \{\{items\}\}"):
        new_task(plan(step("a", map={"over": [1], "batch": 2}, input="{{item}}")))
    with pytest.raises(InvalidInput, match=r"write \{\{item\}\}"):
        new_task(plan(step("a", map={"over": [1]}, input="{{items}}")))
