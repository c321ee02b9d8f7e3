"""Who is asked before what runs: rules, what they look at, what a person is shown, what an answer is about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.approval_policy import load_policy
from engine.approval.choosing import EXPIRY, Wish, chosen
from engine.approval.gate import approved
from engine.approval.policy import Facts, Policy, Rule, broken_by, expiry
from engine.approval.showing import SHOWN_BYTES, amended, fingerprint, shown
from engine.approval.targets import paths_of, recipients_of
from engine.approvalstore import Approval, Reason, Request, State, Verdict, Waiting
from engine.errors import Conflict, Forbidden, SettingsError
from engine.model import Json
from tests.support.fake_engine import a_subtask


def facts(value: Json = None, **changes: Json) -> Facts:
    known: dict[str, Json] = {"type": "shell", "risk": "dangerous", "tainted": False, "cost": 0.0}
    return Facts(input=value, resolve=lambda path: path if path[:1] == "/" else f"/root/{path}", **known | changes)


def asks(rule: dict[str, Json], found: Facts) -> bool:
    return bool(broken_by([Rule(name="r", **rule)], found))


@pytest.mark.parametrize(
    ("rule", "found", "does"),
    [
        ({}, facts(), True),
        ({"types": ["sh*"]}, facts(), True),
        ({"types": ["noop"]}, facts(), False),
        ({"risks": ["write"]}, facts(), False),
        ({"types": ["shell"], "risks": ["dangerous"]}, facts(), True),
        ({"types": ["shell"], "risks": ["read"]}, facts(), False),
        ({"cost_above": 1.0}, facts(cost=1.0), False),
        ({"cost_above": 1.0}, facts(cost=1.5), True),
        ({"cost_above": 1.0}, facts(cost=None), True),
        ({"tainted": True}, facts(tainted=True), True),
        ({"tainted": True}, facts(), False),
        ({"paths_outside": ["reports"]}, facts({"path": "reports/a.txt"}), False),
        ({"paths_outside": ["reports"]}, facts({"path": "reports2/a.txt"}), True),
        ({"paths_outside": ["reports"]}, facts({"deep": [{"target_path": "/etc/passwd"}]}), True),
        ({"paths_outside": ["reports"]}, facts({"text": "/etc/passwd"}), False),
        ({"recipients_outside": ["@example.org"]}, facts({"to": ["Ann <ann@example.org>"]}), False),
        ({"recipients_outside": ["@example.org"]}, facts({"cc": "eve@example.org.evil.com"}), True),
        ({"recipients_outside": ["ann@example.org"]}, facts({"to": "ANN@example.org"}), False),
    ],
)
def test_a_rule_asks_where_all_that_it_names_holds(rule: dict[str, Json], found: Facts, does: bool) -> None:
    assert asks(rule, found) is does


def test_fields_point_at_paths_and_recipients_by_their_names() -> None:
    value = {"path": "a", "files": ["b", {"name": "c"}], "log_file": "d", "content": "e", "To": "x@y.z, W <w@y.z>"}
    assert paths_of(value) == ["a", "b", "c", "d"]
    assert recipients_of(value) == ["x@y.z", "w@y.z"]


def test_the_first_rule_that_asks_says_who_and_until_when() -> None:
    policy = Policy(approvers=["all"], rules=[Rule(name="r", approvers=["ann"], timeout_seconds=2.0, on_expiry="wait")])
    assert (policy.of("r").approvers, policy.of("plan").approvers) == (["ann"], ["all"])
    assert expiry(policy.of("r"), 9.0, 1_000) == (3_000, "wait")
    assert expiry(policy.of("plan"), 9.0, 1_000) == (10_000, "reject")
    assert expiry(policy.of("plan"), None, 1_000) == (None, "reject")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{name: a, tpyes: [x]}]", "rules.0.tpyes"),
        ("rules: [{name: a}, {name: a}]", "more than one rule is called a"),
        ("rules: [{name: a, risks: [evil]}]", "rules.0.risks.0"),
        ("on_expiry: maybe", "on_expiry"),
        ("rules: [", "no usable YAML"),
        ("- 1", "the file"),
    ],
)
def test_a_bad_policy_stops_the_start_with_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_policy(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(SettingsError, match="No such file"):
        load_policy(tmp_path / "nowhere")
    assert load_policy(None) == Policy()


def test_a_person_is_shown_a_large_input_in_part_and_told_so() -> None:
    assert shown({"a": [1]}) == ({"a": [1]}, 9, False)
    text, size, cut = shown({"text": "x" * 100_000, "list": list(range(10_000)), "wide": dict.fromkeys("abc", "y")})
    assert cut
    assert size > 100_000
    assert len(json.dumps(text)) < SHOWN_BYTES
    assert "(99,000 more characters)" in text["text"]
    assert text["wide"] == {"a": "y", "b": "y", "c": "y"}
    assert shown([["x" * 300] * 300] * 300)[2]


def test_a_hash_is_that_of_one_type_and_one_input() -> None:
    one = fingerprint("shell", {"a": 1, "b": [True]})
    assert one == fingerprint("shell", {"b": [True], "a": 1})
    others = [("shell", {"a": 1, "b": [1]}), ("shell", {"a": "1", "b": [True]}), ("python", {"a": 1, "b": [True]})]
    assert len({one, *(fingerprint(type_, value) for type_, value in others)}) == 4
    with pytest.raises(ValueError, match="no JSON value"):
        fingerprint("shell", {"a": {1}})


def test_an_amendment_replaces_fields_of_the_first_level() -> None:
    assert amended({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}) == {"a": 1, "b": {"d": 3}}
    assert amended("text", {"a": 1}) == {"a": 1}


def waiting(key: str = "a", approvers: tuple[str, ...] = (), until: int | None = None, rule: str = "plan") -> Waiting:
    subtask = a_subtask(key)
    request = Request(
        id=f"{subtask.id}#1",
        task_id=subtask.task_id,
        subtask_id=subtask.id,
        key=key,
        token=1,
        type="noop",
        version="1",
        hash="h",
        input={},
        input_bytes=2,
        cut=False,
        reasons=[Reason(rule, "because")],
        asked_at=0,
        approvers=approvers,
        until=until,
    )
    return Waiting(subtask, Approval(request))


def test_all_that_is_meant_is_decided_or_nothing() -> None:
    found = [waiting("a"), waiting("b", rule="dear"), Waiting(a_subtask("c"), None)]
    assert [one.subtask.key for one in chosen(found, Wish("1", "approved", keys=("a", "c")), 0)] == ["a", "c"]
    assert [one.subtask.key for one in chosen(found, Wish("1", "approved", rule="dear"), 0)] == ["b"]
    assert len(chosen(found, Wish("1", "rejected", everything=True), 0)) == 3
    with pytest.raises(Conflict, match="d waits for nobody's approval"):
        chosen(found, Wish("1", "approved", keys=("a", "d")), 0)
    with pytest.raises(Conflict, match="nothing of this task waits"):
        chosen(found, Wish("1", "approved", rule="cheap"), 0)


def test_the_wrong_person_and_too_late_are_refused() -> None:
    found = [waiting(), waiting("b", ("ann",))]
    with pytest.raises(Forbidden, match="eve may not approve b: that is for ann to decide"):
        chosen(found, Wish("1", "approved", "eve", everything=True), 0)
    with pytest.raises(Forbidden, match="until it has keys"):
        chosen(found, Wish("1", "approved", everything=True), 0)
    assert len(chosen(found, Wish("1", "approved", "ann", everything=True), 0)) == 2
    late = [waiting(until=1_000)]
    assert chosen(late, Wish("1", "approved", everything=True), 999)
    with pytest.raises(Conflict, match="too late"):
        chosen(late, Wish("1", "approved", everything=True), 1_000)
    assert chosen(late, Wish("1", "rejected", EXPIRY, everything=True), 1_000)


@pytest.mark.parametrize(
    ("states", "passes"),
    [
        ([], False),
        (["open"], False),
        (["approved"], True),
        (["rejected"], False),
        (["approved", "rejected"], False),
        (["rejected", "approved"], True),
        (["approved", "open"], True),
    ],
)
def test_the_last_verdict_on_this_input_counts(states: list[State], passes: bool) -> None:
    request = waiting().approval
    assert request is not None
    asked = [
        Approval(request.request, state, None if state == "open" else Verdict("v", state, "ann", 0)) for state in states
    ]
    assert (approved(asked, "h") is not None) is passes
    assert approved(asked, "another input") is None
