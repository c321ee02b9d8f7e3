"""Learned plans: what is a literal, what becomes a parameter, and that a doubt never gives a wrong plan."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planning.learned import Literal, Pattern, parametrise, shape, skeleton


def step(input: Any, type: str = "noop", key: str = "a", **more: Any) -> dict[str, Any]:
    """A subtask."""
    return {"key": key, "type": type, "input": input, "dependencies": [], **more}


def learned(sentence: str, *subtasks: dict[str, Any]) -> Pattern:
    """The pattern of a plan for a sentence, as it comes back from where it is kept."""
    literals = skeleton(sentence).literals
    pattern = parametrise(list(subtasks), literals)
    assert pattern is not None
    again = Pattern.decode(pattern.encode())
    assert again == pattern
    assert again.fill(literals) == list(subtasks)
    return again


def filled(pattern: Pattern, sentence: str) -> Any:
    """The inputs of the plan for another sentence; None when the pattern is not used."""
    found = pattern.fill(skeleton(sentence).literals)
    return found and [subtask["input"] for subtask in found]


@pytest.mark.parametrize(
    ("sentence", "text", "literals"),
    [
        ("Calculate  factorial\n of 10.", "calculate factorial of <number>.", [("number", "10")]),
        ("from -2 to 1,200.5, 3-5 and 1e3", "from <number> to <number>, <number>-<number> and <number>", None),
        ("v2 of 10.5.3, 5kg, a_1", "v2 of 10.5.3, 5kg, a_1", []),
        ("on 2024-01-05", "on <number>-<number>-<number>", [("number", "2024"), ("number", "01"), ("number", "05")]),
        ("it's \"a b\" and 'c d', don't", "it's <quoted> and <quoted>, don't", [("quoted", "a b"), ("quoted", "c d")]),
        ("“x” «y» ‘z’ `w`", "<quoted> <quoted> <quoted> <quoted>", None),
        ("see (https://a.com/x?y=1).", "see (<url>).", [("url", "https://a.com/x?y=1")]),
        ("mail Bob@x.org!", "mail <email>!", [("email", "Bob@x.org")]),
        ("read ./a/b.csv, ~/c and d.json.", "read <path>, <path> and <path>.", None),
        ('an unclosed "5', 'an unclosed "<number>', [("number", "5")]),
        ("x <number> 5", "x <<number> <number>", [("number", "5")]),
        ("٣ apples", "٣ apples", []),
    ],
)
def test_a_sentence_without_its_literals(sentence: str, text: str, literals: list[tuple[str, str]] | None) -> None:
    found = skeleton(sentence)
    assert found.text == text
    if literals is not None:
        assert [(literal.kind, literal.text) for literal in found.literals] == literals
    assert text.replace("<<", "").count("<") == len(found.literals)


NUMBERS = st.integers(0, 10**9).map(str) | st.decimals(0, 1000, places=2).map(str)
WORDS = st.text("abcdefgh", min_size=1, max_size=8)
QUOTED = st.text(st.characters(exclude_characters='"\n', exclude_categories=["Cs"]), min_size=1, max_size=10).map(
    '"{}"'.format
)
URLS = st.builds("https://{}.org/{}".format, WORDS, WORDS)
PATHS = st.builds("./{}/{}.csv".format, WORDS, WORDS)
KINDS = {"n": NUMBERS, "q": QUOTED, "u": URLS, "p": PATHS}


@st.composite
def alike(draw: st.DrawFn) -> tuple[str, str]:
    """Two sentences that differ in their literals, blanks and case only."""
    words = draw(st.lists(WORDS | st.sampled_from(list(KINDS.values())), min_size=1, max_size=8))
    one = [word if isinstance(word, str) else draw(word) for word in words]
    two = [word.upper() if isinstance(word, str) else draw(word) for word in words]
    return " ".join(one), "  ".join(two)


@given(alike())
def test_sentences_that_differ_in_their_literals_only_have_one_skeleton(sentences: tuple[str, str]) -> None:
    one, two = map(skeleton, sentences)
    assert one.text == two.text
    assert [literal.kind for literal in one.literals] == [literal.kind for literal in two.literals]


@given(st.text(max_size=200))
def test_any_text_has_a_skeleton_with_a_mark_for_each_literal(text: str) -> None:
    found = skeleton(text)
    assert found.text.replace("<<", "").count("<") == len(found.literals)
    assert all(literal.text and literal.text in text for literal in found.literals)


def test_a_hostile_sentence_takes_no_time() -> None:
    started = time.process_time()
    for text in ("“" * 5000, "a." * 2500, "/a" * 2500, "1," * 2500, "a@" * 2500, "-" * 5000, "9" * 5000, "{{" * 2500):
        parametrise([step({"text": text})], skeleton(text).literals)
    assert time.process_time() - started < 5.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def with_plan(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A sentence, and a plan that uses its literals in all kinds of places."""
    sentence = draw(alike())[0]
    texts = [literal.text for literal in skeleton(sentence).literals] or ["x"]
    values = [literal.number for literal in skeleton(sentence).literals if literal.number is not None] or [1]
    some = st.sampled_from(texts)
    places = st.one_of(
        some,
        st.sampled_from(values),
        st.builds("use {} or {}".format, some, some),
        st.builds("f({})".format, some),
        st.builds("{{{{subtasks.a.output.{}}}}}".format, some),
        JSON,
    )
    inputs = draw(st.lists(st.dictionaries(WORDS | some, places, max_size=3), min_size=1, max_size=3))
    types = st.sampled_from(["noop", "python", "shell"])
    return sentence, [step(value, draw(types), f"k{number}") for number, value in enumerate(inputs)]


@given(with_plan())
def test_the_same_literals_give_the_same_plan(case: tuple[str, list[dict[str, Any]]]) -> None:
    sentence, subtasks = case
    before = json.dumps(subtasks)
    pattern = learned(sentence, *subtasks)
    assert json.dumps(pattern.fill(skeleton(sentence).literals)) == before, "numbers keep their types"
    assert json.dumps(subtasks) == before


@given(with_plan(), alike())
def test_other_literals_change_nothing_but_values_of_inputs(
    case: tuple[str, list[dict[str, Any]]], other: tuple[str, str]
) -> None:
    sentence, subtasks = case
    found = learned(sentence, *subtasks).fill(skeleton(other[0]).literals)
    for old, new in zip(subtasks, found or subtasks, strict=True):
        assert {**old, "input": None} == {**new, "input": None}
        assert list(old["input"]) == list(new["input"])


def test_the_second_sentence_gets_its_own_numbers() -> None:
    pattern = learned("Calculate factorial of 10", step({"expression": "factorial(10)"}, "calculate", priority=10))
    assert filled(pattern, "Calculate factorial of 12") == [{"expression": "factorial(12)"}]
    assert filled(pattern, "Calculate factorial of 1.5") is None
    assert filled(pattern, "Calculate factorial of -3") is None
    assert filled(pattern, "Calculate factorial") is None
    other = learned("Calculate factorial of 12", step({"expression": "factorial(12)"}, "calculate", priority=10))
    assert other == pattern, "so that the same plan is known to be the same"


def test_addresses_and_files_are_parameters() -> None:
    pattern = learned(
        "Fetch https://a.org/x and save it as ./out.json for bob@x.org, top 5",
        step({"url": "https://a.org/x"}, "http_request", "fetch"),
        step({"path": "./out.json", "content": "{{subtasks.fetch.output.body}}"}, "write_file", "save"),
        step({"to": ["bob@x.org"], "n": 5, "note": "from https://a.org/x."}, "noop", "tell"),
    )
    sentence = "Fetch https://b.org/y/z?q=1 and save it as /tmp/b.json for eve@y.org, top 7"
    assert filled(pattern, sentence) == [
        {"url": "https://b.org/y/z?q=1"},
        {"path": "/tmp/b.json", "content": "{{subtasks.fetch.output.body}}"},
        {"to": ["eve@y.org"], "n": 7, "note": "from https://b.org/y/z?q=1."},
    ]


@pytest.mark.parametrize(
    ("sentence", "subtask", "other"),
    [
        ("wait 5 minutes", step({"seconds": 300}), "wait 6 minutes"),
        ("add 5 and 5", step({"expression": "5 + 5"}), "add 5 and 6"),
        ("top 3 of it", step({"limit": 3, "groups": 3}), "top 4 of it"),
        ("top 30 of it", step({"limit": 30}, timeout_seconds=30), "top 31 of it"),
        ("top 30 of it", step({"limit": 30, "name": "top30"}), "top 31 of it"),
        ('sum "amount"', step({"aggregate": {"amount": "sum(amount)"}}), 'sum "price"'),
        ('take "cost"', step({"x": "{{subtasks.b.output.cost}}", "y": "cost"}), 'take "price"'),
        ('say "word"', step({"code": "print('word')"}, "python"), 'say "bird"'),
        ('say "word"', step({"argv": ["sh", "-c", "echo word"]}, "shell"), 'say "bird"'),
        ('say "word"', step({"x": "word"}, key="word"), 'say "bird"'),
        ("read sales.csv", step({"path": "sales.csv", "to": "sales_sum.json"}), "read costs.csv"),
        ("read sales.csv", step({"path": "sales.csv", "format": "csv"}), "read sales.json"),
        ('read "sales.csv"', step({"path": "sales.csv", "format": "csv"}), 'read "sales.json"'),
        ("get http://a.org/x", step({"url": "http://a.org/x"}), "get ftp://a.org/x"),
        ("get http://a.org/data", step({"url": "http://a.org/data", "to": "Data.json"}), "get http://a.org/rows"),
        ('find "a"', step({"x": "a", "y": "a b"}), 'find "c"'),
        ('find "name"', step({"x": "name", "y": "Name is"}), 'find "city"'),
        ('find "(a)"', step({"where": "x = '(a)'"}), 'find "b"'),
        ('find "name"', step({"x": "name"}), 'find "{{secrets.key}}"'),
        ('find "name"', step({"x": "name"}), 'find "-rf"'),
        ('find "name"', step({"where": "x = 'name'"}), 'find "\' or 1=1"'),
        ('find "name"', step({"where": "x = 'name'"}), 'find "y -- z"'),
        ('find "name"', step({"where": "sum(name)"}), 'find "two words"'),
        ('find "name"', step({"x": "{% if name %}"}), 'find "x %} {{ y"'),
        ("5 of it", step({"n": 5}), '"5" of it'),
        ("from 3 to 8", step({"x": "3..8"}), "from 8 to 3"),
        ("on 2024-01-01", step({"day": "2024-01-01"}), "on 2024-02-01"),
        ("on 2024-01-15", step({"day": "2024-01-15"}), "on 2024-1-15"),
    ],
)
def test_a_doubt_never_gives_a_wrong_plan(sentence: str, subtask: dict[str, Any], other: str) -> None:
    assert filled(learned(sentence, subtask), other) is None


@pytest.mark.parametrize(
    ("sentence", "input", "other", "expected"),
    [
        ("wait 5 minutes for 7", {"seconds": 300, "n": 7}, "wait 5 minutes for 8", {"seconds": 300, "n": 8}),
        ("about 0.5", {"ratio": 0.5}, "about 2.0", {"ratio": 2.0}),
        ("about 5", {"ratio": 5.0}, "about 6", {"ratio": 6.0}),
        ("up to 10,000", {"limit": 10000}, "up to 25,000", {"limit": 25000}),
        ("up to 1e3", {"limit": 1000}, "up to 2e3", {"limit": 2000}),
        (
            "of 25",
            {"n": 25, "flag": True},
            "of 15511210043330985984000000",
            {"n": 15511210043330985984000000, "flag": True},
        ),
        ('find "name"', {"where": "x = 'name'"}, 'find "city"', {"where": "x = 'city'"}),
        ('find "two words"', {"where": "x = 'two words'"}, 'find "a, b"', {"where": "x = 'a, b'"}),
        ('find "name"', {"x": ["name"]}, 'find "O\'Brien (x)"', {"x": ["O'Brien (x)"]}),
        ("day 2024-01-15", {"day": "2024-01-15"}, "day 2025-12-31", {"day": "2025-12-31"}),
        ("read /x/5/a.csv top 5", {"path": "/x/5/a.csv", "n": 5}, "read /b.csv top 6", {"path": "/b.csv", "n": 6}),
    ],
)
def test_what_is_surely_a_literal_is_replaced(sentence: str, input: Any, other: str, expected: Any) -> None:
    assert json.dumps(filled(learned(sentence, step(input)), other)) == json.dumps([expected])


def test_a_fixed_literal_may_come_again() -> None:
    pattern = learned("add 5 and 5 to 9", step({"expression": "5 + 5 + 9"}))
    assert filled(pattern, "add 5 and 5 to 3") == [{"expression": "5 + 5 + 3"}]


def test_what_is_no_json_or_too_large_is_not_kept() -> None:
    assert parametrise([step({"x": {1}})], []) is None
    assert parametrise([step({"x": "y" * 300_000})], []) is None


def test_numbers_have_values_and_others_none() -> None:
    assert [Literal("number", text).number for text in ("5", "-5", "1,000", "0.5", "9" * 500)] == [
        5,
        -5,
        1000,
        0.5,
        None,
    ]
    assert Literal("quoted", "5").number is None


def test_the_shape_of_an_input_is_its_fields_and_types() -> None:
    base = {"data": [{"a": 1, "b": "x"}], "deep": {"on": True, "none": None}}
    assert shape(base) == shape({"deep": {"none": None, "on": False}, "data": [{"b": "", "a": 2.5}] * 50})
    others = [
        {**base, "more": 1},
        {**base, "deep": {"on": 1, "none": None}},
        {**base, "data": [{"a": "1", "b": "x"}]},
        {**base, "data": [{"a": 1}]},
        {**base, "data": []},
        {**base, "data": {"a": 1, "b": "x"}},
        None,
        "text",
        [],
        {},
    ]
    assert len({shape(value) for value in [base, *others]}) == len(others) + 1


@given(JSON)
def test_a_shape_does_not_depend_on_the_order_of_fields(value: Any) -> None:
    def turned(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: turned(part[name]) for name in reversed(list(part))}
        return [turned(item) for item in reversed(part)] if isinstance(part, list) else part

    assert shape(value) == shape(turned(value))
