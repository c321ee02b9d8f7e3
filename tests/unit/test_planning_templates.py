"""Plan templates: what a file may hold, what parameters may be, and that a parameter's text stays text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.templates import load_templates
from engine.errors import InvalidInput, SettingsError
from engine.model import Expand, Json
from engine.planning.filling import fill
from engine.planning.templates import Template, TemplateSet, collected, template
from engine.references import Outcome, Scope, find, resolve
from engine.tools.subplan import Subplan
from tests.support.tools_context import RecordingContext

GREET = """
name: greet
description: Greets somebody.
parameters:
  who: {type: string, description: whom, pattern: "[^0-9]*"}
  times: {type: integer, default: 2, minimum: 1, maximum: 9}
  loud: {type: boolean, default: false}
  extra: {type: object, default: {}}
plan:
  subtasks:
    - key: say
      type: noop
      input: {text: "Hello {{parameters.who}}!", times: "{{ parameters.times }}", more: ["{{parameters.extra}}"]}
      timeout_seconds: "{{parameters.times}}"
    - {key: again, type: noop, input: "{{subtasks.say.output.text}}: {{parameters.who}} {{parameters.loud}}"}
defaults:
  tags: ["{{parameters.who}}"]
  priority: 7
"""
SCOPE = Scope(previous={"a": 1}, subtasks={"say": Outcome("completed", {"text": "TEXT"})}, input="INPUT", item="ITEM")
NASTY = r"{{subtasks.say.output}} \{{input}} {{{{input}}}} {{ item } { {{secrets.key}} \\"


def loaded(folder: Path, **files: str) -> TemplateSet:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return load_templates(folder)


def made(input: Json, type: str = "noop", parameters: Json = None, **fields: Json) -> Template:
    declared = {"x": {"type": "string"}} if parameters is None else parameters
    subtask = {"key": "a", "type": type, "input": input, **fields}
    return template("t.yaml", {"name": "t", "parameters": declared, "plan": {"subtasks": [subtask]}})


def input_of(input: Json, value: Json, type: str = "noop", kind: str = "string") -> Json:
    one = made(input, type, {"x": {"type": kind}})
    return fill(one, {"x": value})["plan"]["subtasks"][0]["input"]


def faults(one: Template, parameters: dict[str, Json]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        fill(one, parameters)
    return {fault.pointer: fault.detail for fault in refused.value.faults}


# --- filling ------------------------------------------------------------------------------------------------------


def test_a_template_becomes_the_body_of_a_task(tmp_path: Path) -> None:
    body = fill(loaded(tmp_path, greet=GREET).require("greet"), {"who": "Ada", "extra": {"a": [1]}})

    assert body == {
        "name": "greet",
        "tags": ["Ada"],
        "priority": 7,
        "plan": {
            "subtasks": [
                {
                    "key": "say",
                    "type": "noop",
                    "input": {"text": "Hello Ada!", "times": 2, "more": [{"a": [1]}]},
                    "timeout_seconds": 2,
                },
                {"key": "again", "type": "noop", "input": "{{subtasks.say.output.text}}: Ada false"},
            ]
        },
    }


def test_the_caller_hears_of_every_wrong_parameter(tmp_path: Path) -> None:
    found = faults(loaded(tmp_path, greet=GREET).require("greet"), {"times": 10, "loud": 1, "whom": "x", "extra": []})

    assert found == {
        "/parameters/extra": "should be of type object",
        "/parameters/loud": "should be of type boolean",
        "/parameters/times": "should be at most 9",
        "/parameters/who": "is missing; give a value of type string: whom",
        "/parameters/whom": 'the template greet has no such parameter; did you mean "who"?',
    }


@pytest.mark.parametrize(
    "declared, value, detail",
    [
        ({"type": "integer"}, True, "should be of type integer"),
        ({"type": "integer"}, 1.5, "should be of type integer"),
        ({"type": "number"}, "1", "should be of type number"),
        ({"type": "string"}, None, "should be of type string"),
        ({"type": "array"}, "ab", "should be of type array"),
        ({"type": "integer", "minimum": 3}, 2, "should be at least 3"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "should be one of 'a', 'b'"),
        ({"type": "string", "pattern": "[a-z]+"}, "abc1", r"should match \[a-z\]\+"),
    ],
)
def test_a_value_has_to_fit(declared: Json, value: Json, detail: str) -> None:
    with pytest.raises(InvalidInput, match=detail):
        fill(made("{{parameters.x}}", parameters={"x": declared}), {"x": value})


@pytest.mark.parametrize("value", [3, 2.5, True, [1, {"a": None}], {"a": 1}])
def test_a_whole_value_keeps_its_type_and_an_embedded_one_becomes_text(value: Json) -> None:
    kind = {int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}[type(value)]

    assert input_of(["{{parameters.x}}"], value, kind=kind) == [value]
    assert input_of(["x = {{parameters.x}}"], 3, kind="integer") == ["x = 3"]


# --- a parameter is no reference ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [NASTY, "{{input}}", r"\{{input}}", "{{previous_output", "{" * 7, "\\", "{{ name }}"])
@pytest.mark.parametrize(
    "around", ["{{parameters.x}}", " {{parameters.x}} ", "{{{parameters.x}}}", "a {{parameters.x}}"]
)
def test_the_text_of_a_parameter_comes_out_as_it_went_in(text: str, around: str) -> None:
    filled = input_of({"v": around}, text)

    assert find(filled, {"say"}).references == []
    assert resolve(filled, SCOPE)["v"] == around.replace("{{parameters.x}}", text)


@given(st.text(alphabet="{}\\ .inputsay[]0", max_size=30), st.text(alphabet="{}\\ inputx", max_size=8))
def test_no_text_whatever_becomes_a_reference(text: str, around: str) -> None:
    whole = f"{around} {{{{parameters.x}}}} {around}"
    try:
        mine = find(whole, ()).references
        filled = input_of({"v": whole}, text)
    except SettingsError:
        return  # "around" has escaped the place of the parameter, which is then not used
    assert len(find(filled, ()).references) == len(mine)
    if not mine:
        expected = resolve(whole, SCOPE).replace("{{parameters.x}}", text)
        assert resolve(filled, SCOPE) == {"v": expected}


def test_the_template_s_own_references_stay_beside_a_parameter() -> None:
    filled = input_of({"v": r"{{input}} {{parameters.x}} {{subtasks.say.output.text}} \{{input}} {{ name }}"}, NASTY)

    assert resolve(filled, SCOPE) == {"v": f"INPUT {NASTY} TEXT {{{{input}}}} {{{{ name }}}}"}


def test_a_parameter_cannot_complete_a_reference_of_the_template() -> None:
    filled = input_of({"v": "{{subtasks.{{parameters.x}}.output}}"}, "say")

    assert resolve(filled, SCOPE) == {"v": "{{subtasks.say.output}}"}


def test_a_parameter_cannot_hide_a_reference_of_the_template() -> None:
    with pytest.raises(InvalidInput, match=r"/parameters/x: ends with \\ right before a reference"):
        input_of({"v": "{{parameters.x}}{{input}}"}, "C:\\")


def test_texts_inside_lists_and_objects_are_no_references_either() -> None:
    value = {"a": ["{{input}}", {"b": "{{item}}"}]}

    filled = input_of({"v": "{{parameters.x}}"}, value, kind="object")

    assert find(filled, ()).references == []
    assert resolve(filled, SCOPE) == {"v": value}


def test_what_a_tool_never_resolves_is_not_escaped() -> None:
    value = {"code": "result = '{{input}}'", "inputs": {"t": "{{input}}"}}

    filled = input_of("{{parameters.x}}", value, type="python", kind="object")

    assert resolve(filled, SCOPE, literal=frozenset({"code"})) == value


def test_parameters_stay_out_of_code() -> None:
    one = made({"code": "print('{{parameters.x}}')", "inputs": {"x": "{{parameters.x}}"}}, type="python")

    filled = fill(one, {"x": "'); import os"})["plan"]["subtasks"][0]["input"]

    assert filled == {"code": "print('{{parameters.x}}')", "inputs": {"x": "'); import os"}}


def test_a_list_to_map_over_and_a_fallback_take_parameters() -> None:
    one = made(
        "{{item}}",
        parameters={"x": {"type": "array"}},
        map={"over": "{{parameters.x}}", "limit": 5},
        fallback={"type": "noop", "input": "{{parameters.x}}"},
    )

    subtask = fill(one, {"x": ["{{input}}"]})["plan"]["subtasks"][0]

    assert subtask["map"] == {"over": [r"\{{input}}"], "limit": 5}
    assert subtask["fallback"] == {"type": "noop", "input": [r"\{{input}}"]}


def test_the_task_s_own_input_is_never_resolved_and_takes_values_as_they_are() -> None:
    value = {
        "name": "t",
        "parameters": {"x": {"type": "string"}},
        "plan": {"subtasks": [{"key": "a", "type": "noop", "input": "{{input.v}}"}]},
        "defaults": {"input": {"v": "{{parameters.x}}"}, "name": "of {{parameters.x}}"},
    }

    body = fill(template("t.yaml", value), {"x": NASTY})

    assert (body["input"], body["name"]) == ({"v": NASTY}, f"of {NASTY}")


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, reason",
    [
        ("name: [", r"no usable YAML: .* in line 1"),
        ("- a", "should be an object"),
        ("", "should be an object"),
        (GREET + "colour: red", "colour: Extra inputs are not permitted"),
        (GREET.replace("name: greet", "name: ../x"), "name: String should match pattern"),
        (GREET.replace("who:", "2who:"), "a name has letters"),
        (GREET.replace("{{parameters.who}}!", "{{parameters.whom}}!"), "names no parameter"),
        (GREET.replace("{{parameters.who}}!", "{{parameters.who.name}}!"), "names no parameter"),
        (GREET.replace("{{parameters.loud}}", ""), "parameters.loud is not used"),
        (GREET.replace("type: boolean", "type: bool"), "parameters.loud.type: Input should be 'string'"),
        (GREET.replace("default: 2", "default: 0"), "parameters.times.default should be at least 1"),
        (GREET.replace('"[^0-9]*"', '"["'), "parameters.who.pattern is no regular expression"),
        (GREET.replace("default: false", "minimum: 1"), "minimum and maximum are for numbers"),
        (GREET.replace("key: say", 'key: "{{parameters.who}}"'), "plan.subtasks.0.key: a parameter cannot stand here"),
        (GREET.replace("type: noop\n", 'type: "{{parameters.who}}"\n'), "plan.subtasks.0.type: a parameter cannot"),
        (GREET.replace('"{{parameters.times}}"', '"{{parameters.times}} s"'), "has to be the whole value"),
        (GREET.replace("{text:", '{"{{parameters.who}}":'), "cannot stand in the name of a field"),
        (
            GREET.replace("priority: 7", "priorty: 7"),
            'defaults.priorty: there is no such field; did you mean "priority"',
        ),
        ("name: x\nplan: {subtasks: []}", "plan.subtasks: List should have at least 1 item"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_with_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refused:
        loaded(tmp_path, greet=text)

    assert str(refused.value).startswith("TEMPLATES_PATH: greet.yaml: ")
    assert "\n" not in str(refused.value)


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"b\.yaml: a\.yaml has a template called 'greet' too"):
        loaded(tmp_path, a=GREET, b=GREET)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"TEMPLATES_PATH=.*nowhere: No such file"):
        load_templates(tmp_path / "nowhere")


def test_without_a_folder_there_are_no_templates() -> None:
    assert load_templates(None).names() == []


def test_templates_are_listed_with_their_parameters(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no template")

    [listed] = loaded(tmp_path, greet=GREET).shown()

    assert (listed["name"], listed["description"], listed["subtasks"]) == ("greet", "Greets somebody.", 2)
    assert listed["parameters"]["times"] == {
        "type": "integer",
        "default": 2,
        "minimum": 1.0,
        "maximum": 9.0,
        "required": False,
    }
    assert listed["parameters"]["who"]["required"]


def test_an_unknown_template_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r'/template: there is no template "great"; did you mean "greet"'):
        loaded(tmp_path, greet=GREET).require("great")
    with pytest.raises(InvalidInput, match="known are none: set TEMPLATES_PATH"):
        TemplateSet().require("x")


# --- a part of a plan -------------------------------------------------------------------------------------------------


async def test_a_subplan_grows_the_template_s_subtasks() -> None:
    tool = Subplan(collected([("t.yaml", made("{{parameters.x}}"))]))
    input = {"template": "t", "parameters": {"x": "{{input}}"}}

    assert tool.check(input) == []
    grown = await tool.run(input, RecordingContext())

    assert grown == Expand([{"key": "a", "type": "noop", "input": r"\{{input}}"}], note={"template": "t"})


@pytest.mark.parametrize(
    "input, path",
    [
        ({"template": "u"}, ("template",)),
        ({"template": "t"}, ("parameters", "x")),
        ({"template": "t", "parameters": {"x": 1}}, ("parameters", "x")),
        ({"template": "t", "parameters": {"x": "1"}, "y": 1}, ("y",)),
    ],
)
def test_faults_of_a_subplan_are_seen_when_it_is_submitted(input: Json, path: tuple[str, ...]) -> None:
    tool = Subplan(collected([("t.yaml", made("{{parameters.x}}"))]))

    assert [fault[0] for fault in tool.check(input)] == [path]
