"""The claude tool: texts, values that follow a schema, one repair, and what an unusable answer leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.adapters.claude import ClaudeModel
from engine.errors import Category, ToolError
from engine.tools.claude import Claude
from tests.support.claude import FakeClaude, fake_claude
from tests.support.tools_context import RecordingContext

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
COST = (1000 * 3 + 200 * 15) / 1e6
ONCE = {"input_tokens": 1000, "output_tokens": 200, "cache_read_tokens": 0, "cache_write_tokens": 0, "cost": COST}


@pytest.fixture
async def fake() -> AsyncIterator[FakeClaude]:
    """A fake Claude."""
    async with fake_claude() as found:
        yield found


async def run(fake: FakeClaude, **value: Any) -> Any:
    """One run of the tool against the fake."""
    model = ClaudeModel(fake.settings())
    try:
        return await Claude(model).run({"prompt": "How many?", **value}, RecordingContext())
    finally:
        await model.close()


async def fails(fake: FakeClaude, **value: Any) -> ToolError:
    """The error of one run."""
    with pytest.raises(ToolError) as caught:
        await run(fake, **value)
    assert caught.value.suggestion
    return caught.value


async def test_a_text(fake: FakeClaude) -> None:
    fake.says("Seven.")
    assert await run(fake, system="Be brief.", model="claude-opus-5-5", max_tokens=50) == {
        "text": "Seven.",
        "model": "claude-sonnet-5-5",
        "usage": ONCE,
    }
    (sent,) = fake.requests
    assert (sent["model"], sent["max_tokens"], sent["system"][0]["text"]) == ("claude-opus-5-5", 50, "Be brief.")


async def test_a_value_that_follows_the_schema(fake: FakeClaude) -> None:
    fake.says({"n": 7})
    assert (await run(fake, output_schema=SCHEMA))["value"] == {"n": 7}


async def test_big_integers_stay_exact(fake: FakeClaude) -> None:
    fake.says('{"n": 15511210043330985984000000}')
    assert (await run(fake, output_schema=SCHEMA))["value"] == {"n": 15511210043330985984000000}


async def test_a_code_fence_around_the_value_is_no_fault(fake: FakeClaude) -> None:
    fake.says('```json\n{"n": 7}\n```')
    assert (await run(fake, output_schema=SCHEMA))["value"] == {"n": 7}
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ({"n": 0}, "- /n: 0 is less than the minimum of 1"),
        ({}, '- /: "n" is a required property'),
        ("Seven.", "- the answer should be one JSON value and nothing else"),
        ("", "- the answer should be one JSON value and nothing else"),
        ('{"n": 1, "x": "\\ud800"}', "- the answer should be one JSON value"),
    ],
)
async def test_an_answer_that_does_not_fit_is_repaired_once(fake: FakeClaude, bad: Any, fault: str) -> None:
    fake.says(bad)
    fake.says({"n": 7})
    output = await run(fake, output_schema=SCHEMA)
    assert output["value"] == {"n": 7}
    assert output["usage"]["output_tokens"] == 400
    assert output["usage"]["cost"] == pytest.approx(2 * COST)
    question, answer, request = fake.requests[1]["messages"]
    assert question == fake.requests[0]["messages"][0]
    assert answer["role"] == "assistant" and answer["content"]
    assert fault in request["content"]


async def test_two_answers_that_do_not_fit_are_an_error_of_logic(fake: FakeClaude) -> None:
    fake.says({"n": 0})
    fake.says({"n": -1})
    error = await fails(fake, output_schema=SCHEMA)
    assert error.category is Category.LOGIC
    assert "does not follow output_schema, nor did a second one: /n: -1 is less than the minimum of 1" in str(error)
    assert error.output["text"] == '{"n": -1}'
    assert error.output["case"] == "unfit"
    assert error.output["usage"]["input_tokens"] == 2000


@pytest.mark.parametrize("schema", [None, SCHEMA])
async def test_a_truncated_answer_says_what_to_raise_and_is_kept(fake: FakeClaude, schema: Any) -> None:
    fake.says("{half of", stop="max_tokens")
    error = await fails(fake, max_tokens=200, **({"output_schema": schema} if schema else {}))
    assert error.category is Category.LOGIC
    assert "cut off after 200 tokens (max_tokens is 200)" in str(error)
    assert "Raise max_tokens" in error.suggestion
    assert error.output == {"text": "{half of", "case": "truncated", "model": "claude-sonnet-5-5", "usage": ONCE}
    assert len(fake.requests) == 1


async def test_a_refusal_is_not_repeated(fake: FakeClaude) -> None:
    fake.says("I cannot help with that.", stop="refusal")
    error = await fails(fake)
    assert (error.category, error.repeat) == (Category.LOGIC, False)
    assert error.output["case"] == "refused"


async def test_no_answer_passes_as_it_is(fake: FakeClaude) -> None:
    fake.fails(429, "rate_limit_error", retry_after="3")
    error = await fails(fake)
    assert (error.category, error.delay, error.output) == (Category.TRANSIENT, 3.0, None)


async def test_what_was_spent_before_an_error_is_kept(fake: FakeClaude) -> None:
    fake.says({"n": 0})
    fake.fails(529, "overloaded_error")
    error = await fails(fake, output_schema=SCHEMA)
    assert error.category is Category.TRANSIENT
    assert error.output == {"model": "claude-sonnet-5-5", "usage": ONCE}


async def test_closing_the_tool_closes_the_model(fake: FakeClaude) -> None:
    fake.waits()
    model = ClaudeModel(fake.settings())
    asking = asyncio.create_task(Claude(model).run({"prompt": "How many?"}, RecordingContext()))
    await asyncio.wait_for(fake.asked.wait(), 10)
    await Claude(model).close()
    await asyncio.wait_for(fake.hung_up.wait(), 5)
    with pytest.raises(ToolError):
        await asking


async def test_without_a_key_it_says_which_one() -> None:
    with pytest.raises(ToolError, match="no key for Claude") as caught:
        await Claude(None).run({"prompt": "How many?"}, RecordingContext())
    assert caught.value.category is Category.CONFIGURATION
    assert "ANTHROPIC_API_KEY" in caught.value.suggestion


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"prompt": ""}, ("prompt",), "at least 1 character"),
        ({"prompt": " \n"}, ("prompt",), "should say something"),
        ({"prompt": 3}, ("prompt",), "valid string"),
        ({"prompt": "x", "max_tokens": 0}, ("max_tokens",), "greater than or equal to 1"),
        ({"prompt": "x", "max_tokens": 200_000}, ("max_tokens",), "less than or equal to 128000"),
        ({"prompt": "x", "model": ""}, ("model",), "at least 1 character"),
        ({"prompt": "x", "output_schema": []}, ("output_schema",), "must be an object"),
        ({"prompt": "x", "output_schema": {"type": "no"}}, ("output_schema", "type"), "is no JSON Schema"),
        ({"prompt": "x", "output_schema": {"$ref": "file:///x"}}, ("output_schema",), "Retrieval is disabled"),
        ({"prompt": "x", "temperature": 1}, ("temperature",), "unknown field"),
    ],
)
def test_bad_input_is_found_before_it_runs(value: Any, path: tuple[str, ...], message: str) -> None:
    ((found, text),) = Claude(None).check(value)
    assert found == path
    assert message in text
