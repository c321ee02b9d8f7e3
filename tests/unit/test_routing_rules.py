"""The file of rules: what it says, every fault of a bad one, and that a bad one changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InvalidInput, SettingsError
from engine.model import Json
from engine.routing.file import LOOK_SECONDS, MAX_BYTES, RulesFile
from engine.routing.match import About, matching, mismatch
from engine.routing.rules import Candidate, Option, Rule, read_rules
from engine.routing.schema import file_schema
from tests.support.clock import FakeClock

TOOLS = ["noop", "sleep", "shell", "http_request", "claude"]


def rules(*given: Json, **beside: Json) -> Json:
    return {"rules": [{"name": f"rule {number}", "candidates": ["noop"]} | one for number, one in enumerate(given)]} | (
        beside
    )


def read(*given: Json) -> tuple[Rule, ...]:
    return read_rules(rules(*given), TOOLS).rules


def faults(document: Json) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        read_rules(document, TOOLS)
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def test_a_rule_says_for_whom_by_whom_and_how() -> None:
    (rule,) = read(
        {
            "match": {"type": ["sleep", "http_*"], "tags": ["slow"], "input": "input.seconds > 1"},
            "strategy": "auto",
            "candidates": ["noop", {"tool": "claude", "parameters": {"model": "m"}, "fallback": ["sleep", "noop"]}],
            "exploration": 0.5,
        }
    )
    assert rule.candidates == (
        Candidate(Option("noop")),
        Candidate(Option("claude", {"model": "m"}), (Option("sleep"), Option("noop"))),
    )
    assert (rule.types, rule.tags) == (("sleep", "http_*"), {"slow"})
    assert (rule.strategy, rule.exploration, rule.predicate) == ("auto", 0.5, "input.seconds > 1")


def test_every_fault_is_told_at_once() -> None:
    found = faults(
        rules(
            {"match": {"type": "htp_request"}, "candidates": ["nop", {"tool": "shel", "fallback": ["none"]}]},
            {"match": {"input": "input.size >"}, "candidates": [{"tool": "noop", "fallback": ["sleep", "noop"]}]},
            {"match": {"type": ["sleep", "noop"]}, "candidates": [{"agent": "ada"}, {}, "agent:a b"]},
            {"name": "rule 0"},
            {"match": {"type": "noop"}},
        )
    )
    assert found == {
        "/rules/0/match/type": 'there is no subtask type "htp_request"; did you mean "http_request"?',
        "/rules/0/candidates/0": 'there is no tool "nop"; did you mean "noop"?',
        "/rules/0/candidates/1/tool": 'there is no tool "shel"; did you mean "shell"?',
        "/rules/0/candidates/1/fallback/0": 'there is no tool "none"',
        "/rules/1/match/input": found["/rules/1/match/input"],
        "/rules/1/candidates/0/fallback/1": "leads in a circle: noop -> sleep -> noop; name each tool once",
        "/rules/2/candidates/0": "should have a tool, because the rule is for more than one type",
        "/rules/2/candidates/1": "should have a tool",
        "/rules/2/candidates/2": found["/rules/2/candidates/2"],
        "/rules/3": 'the rule 0 is called "rule 0" too; give one another name',
        "/rules/4": 'never matches, because "rule 0" before it matches everything; move that one to the end',
    }
    assert "CEL" in found["/rules/1/match/input"]
    assert "id of an agent" in found["/rules/2/candidates/2"]


def test_the_same_tool_with_other_parameters_is_no_circle() -> None:
    models = [{"tool": "claude", "parameters": {"model": model}} for model in "ab"]
    assert read({"candidates": [models[0] | {"fallback": [models[1]]}]})


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ({}, "/rules"),
        (rules({"strategy": "fastest"}), "/rules/0/strategy"),
        (rules({"candidates": []}), "/rules/0/candidates"),
        (rules({"exploration": 2}), "/rules/0/exploration"),
        (rules({"match": {"typ": "noop"}}), "/rules/0/match/typ"),
        (rules(sed=1), "/sed"),
    ],
)
def test_a_wrong_shape_is_told_with_its_place(document: Json, pointer: str) -> None:
    assert pointer in faults(document)


def test_an_unknown_strategy_names_those_that_there_are() -> None:
    assert "'fixed', 'round_robin' or 'auto'" in faults(rules({"strategy": "auot"}))["/rules/0/strategy"]


def about(**fields: Any) -> About:
    return About(**{"type": "sleep", "key": "k", "input": {"seconds": 2}} | fields)


@pytest.mark.parametrize(
    ("match", "fields", "why"),
    [
        ({}, {}, ""),
        ({"type": "sle?p"}, {}, ""),
        ({"type": ["noop", "shell"]}, {}, "it is for noop or shell"),
        ({"tags": ["a", "b"]}, {"tags": ("b", "c", "a")}, ""),
        ({"tags": ["a", "b"]}, {"tags": ("b",)}, "its task has no tag a"),
        ({"input": "input.seconds > 1 && type == 'sleep'"}, {}, ""),
        ({"input": "'a' in task.tags && task.name == 'n'"}, {"tags": ("a",), "task_name": "n"}, ""),
        ({"input": "input.seconds > 5"}, {}, "its input does not match"),
        ({"input": "input.size > 5"}, {}, "match.input 'input.size > 5' cannot be evaluated: there is no 'size'"),
        ({"input": "input.seconds"}, {}, "not true or false"),
    ],
)
def test_all_that_is_given_must_hold(match: Json, fields: dict[str, Any], why: str) -> None:
    (rule,) = read({"match": match})
    found = mismatch(rule, about(**fields))
    assert (found == "") if not why else (why in found)


def test_the_first_rule_that_matches_decides() -> None:
    found = read({"match": {"type": "noop"}}, {"match": {"input": "input.seconds > 1"}}, {})
    assert matching(found, about()) is found[1]
    assert matching(found, about(input={})) is found[2]
    assert matching(found[:1], about()) is None


# --- the file -------------------------------------------------------------------------------------------------------


def written(path: Path, document: Json) -> Path:
    """Writes the file as an editor does: another one takes its place."""
    fresh = path.with_suffix(".new")
    fresh.write_text(document if isinstance(document, str) else json.dumps(document))
    os.replace(fresh, path)
    return path


def opened(path: Path, clock: FakeClock) -> RulesFile:
    found = RulesFile(path, lambda: TOOLS, clock)
    found.open()
    return found


def names(file: RulesFile) -> list[str]:
    return [rule.name for rule in file.rules().rules]


def test_a_changed_file_is_taken_after_a_second_and_nobody_looks_before(tmp_path: Path) -> None:
    clock, path = FakeClock(), written(tmp_path / "rules.json", rules({"name": "old"}))
    file = opened(path, clock)
    assert names(file) == ["old"]
    written(path, rules({"name": "new"}, {"name": "newer"}) | {"rules": rules({"name": "new"})["rules"]})
    assert names(file) == ["old"]
    clock.advance(LOOK_SECONDS)
    assert names(file) == ["new"]


@pytest.mark.parametrize("bad", ["{", "[]", rules({"candidates": ["nope"]}), " " * (MAX_BYTES + 1), None])
def test_a_bad_file_is_refused_with_its_faults_and_the_old_rules_stay(tmp_path: Path, bad: Json) -> None:
    clock, path = FakeClock(), written(tmp_path / "rules.json", rules({"name": "old"}))
    file = opened(path, clock)
    if bad is None:
        path.unlink()
    else:
        written(path, bad)
    health = file.health()
    assert not health["ok"] and health["faults"] and health["rules"] == 1
    clock.advance(LOOK_SECONDS)
    assert names(file) == ["old"]
    written(path, rules({"name": "mended"}))
    assert file.health()["ok"] and names(file) == ["mended"]


def test_a_start_with_a_bad_file_is_refused_with_every_fault(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.json", rules({"candidates": ["nope", "noope"]}))
    with pytest.raises(SettingsError, match=r"ROUTER_CONFIG=.*candidates/0.*candidates/1.*correct the file"):
        opened(path, FakeClock())
    with pytest.raises(SettingsError, match="No such file"):
        opened(tmp_path / "nowhere.json", FakeClock())


def test_the_file_in_the_documents_is_the_schema() -> None:
    """``make openapi`` writes it anew."""
    assert json.loads((Path(__file__).parents[2] / "docs" / "router.schema.json").read_text()) == file_schema()


def test_the_schema_describes_every_field() -> None:
    schema = file_schema()
    models = [schema, *schema["$defs"].values()]
    undescribed = [
        (model["title"], name)
        for model in models
        for name, field in model["properties"].items()
        if "description" not in field and "$ref" not in field
    ]
    assert undescribed == []
