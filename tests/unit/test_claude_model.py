"""The real SDK against a fake Claude: what comes back, what it costs, and each way of getting no answer."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.adapters.claude import ClaudeModel
from engine.errors import Category
from engine.language import Answer, NoAnswer, Prompt, Usage
from tests.support.claude import KEY, FakeClaude, fake_claude, overloaded_event

QUESTION = Prompt(messages=[{"role": "user", "content": "How many?"}])
LONG = Prompt(messages=QUESTION.messages, max_tokens=64_000)
CLOSED = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}


@pytest.fixture
async def fake() -> AsyncIterator[FakeClaude]:
    """A fake Claude."""
    async with fake_claude() as found:
        yield found


async def ask(fake: FakeClaude, prompt: Prompt = QUESTION, **settings: Any) -> Answer:
    """One question by a model of its own."""
    model = ClaudeModel(fake.settings(**settings))
    try:
        return await model.ask(prompt)
    finally:
        await model.close()


async def fails(fake: FakeClaude, prompt: Prompt = QUESTION, **settings: Any) -> NoAnswer:
    """The error of one question, which was sent once."""
    with pytest.raises(NoAnswer) as caught:
        await ask(fake, prompt, **settings)
    assert len(fake.requests) <= 1, "the engine repeats, not the SDK"
    assert KEY not in f"{caught.value} {caught.value.suggestion}"
    assert caught.value.suggestion
    return caught.value


async def test_an_answer_with_its_usage_and_cost(fake: FakeClaude) -> None:
    fake.says("Seven.", cache_read_input_tokens=10_000, cache_creation_input_tokens=4_000)
    answer = await ask(fake)
    cost = (1000 * 3 + 10_000 * 0.3 + 4_000 * 3.75 + 200 * 15) / 1e6
    assert answer == Answer("Seven.", "end_turn", "claude-sonnet-5-5", Usage(1000, 200, 10_000, 4_000, cost), "req_123")


async def test_what_is_asked(fake: FakeClaude) -> None:
    fake.says("yes")
    await ask(fake, Prompt(messages=QUESTION.messages, system="Be brief.", model="claude-opus-5-5", max_tokens=77))
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert fake.requests == [
        {"model": "claude-opus-5-5", "max_tokens": 77, "messages": QUESTION.messages, "system": system}
    ]


async def test_the_model_of_the_settings_answers_unless_one_is_named(fake: FakeClaude) -> None:
    fake.says("yes")
    await ask(fake)
    assert fake.requests[0]["model"] == "claude-haiku-5-5"
    assert "system" not in fake.requests[0]


async def test_without_a_price_the_cost_is_unknown(fake: FakeClaude) -> None:
    fake.says("yes")
    assert (await ask(fake, claude_prices={})).usage.cost is None


async def test_the_price_of_the_asked_model_serves_where_the_answer_names_a_dated_one(fake: FakeClaude) -> None:
    fake.says("yes")
    answer = await ask(fake, claude_prices={"claude-haiku-5-5": (1.0, 5.0)})
    assert answer.usage.cost == pytest.approx((1000 + 5 * 200) / 1e6)


async def test_a_long_answer_is_streamed(fake: FakeClaude) -> None:
    fake.says("a long story", stop="max_tokens")
    answer = await ask(fake, LONG)
    assert fake.requests[0]["stream"] is True
    assert (answer.text, answer.stop, answer.request_id) == ("a long story", "max_tokens", "req_123")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1000, 200)


@pytest.mark.parametrize("stop", ["max_tokens", "refusal", "model_context_window_exceeded"])
async def test_an_answer_that_stopped_early_is_an_answer_with_its_cost(fake: FakeClaude, stop: str) -> None:
    fake.says("half", stop=stop)
    answer = await ask(fake)
    assert (answer.stop, answer.text) == (stop, "half")
    assert answer.usage.cost is not None


async def test_a_schema_that_the_api_can_hold_goes_as_one(fake: FakeClaude) -> None:
    fake.says({"n": 1})
    await ask(fake, Prompt(messages=QUESTION.messages, schema=CLOSED))
    sent = fake.requests[0]["output_config"]["format"]
    assert sent["type"] == "json_schema"
    assert sent["schema"]["additionalProperties"] is False
    assert "minimum" not in sent["schema"]["properties"]["n"], "the API knows no bounds"
    assert "system" not in fake.requests[0]


async def test_a_schema_that_the_api_would_narrow_goes_in_words(fake: FakeClaude) -> None:
    fake.says({"any": 1})
    await ask(fake, Prompt(messages=QUESTION.messages, system="Be brief.", schema={"type": "object"}))
    (block,) = fake.requests[0]["system"]
    assert block["text"].startswith("Be brief.\n\nAnswer with one JSON value")
    assert '{"type":"object"}' in block["text"]
    assert "output_config" not in fake.requests[0]


@pytest.mark.parametrize(
    ("status", "kind", "code", "case", "category", "repeat"),
    [
        (429, "rate_limit_error", "", "rate limit", Category.TRANSIENT, None),
        (429, "rate_limit_error", "ramp_limit_exceeded", "rate limit", Category.TRANSIENT, None),
        (429, "rate_limit_error", "enforced_spend_limit_reached", "no credit", Category.CONFIGURATION, False),
        (429, "rate_limit_error", "contract_spend_limit_reached", "no credit", Category.CONFIGURATION, False),
        (402, "billing_error", "", "no credit", Category.CONFIGURATION, False),
        (401, "authentication_error", "", "wrong key", Category.CONFIGURATION, False),
        (403, "permission_error", "", "forbidden", Category.CONFIGURATION, False),
        (404, "not_found_error", "", "unknown model", Category.CONFIGURATION, False),
        (413, "invalid_request_error", "", "too large", Category.CONFIGURATION, False),
        (400, "invalid_request_error", "", "bad request", Category.CONFIGURATION, False),
        (418, "teapot_error", "", "bad request", Category.CONFIGURATION, False),
        (529, "overloaded_error", "", "overloaded", Category.TRANSIENT, None),
        (503, "overloaded_error", "", "overloaded", Category.TRANSIENT, None),
        (500, "api_error", "", "server error", Category.TRANSIENT, None),
        (502, "new_error", "", "server error", Category.TRANSIENT, None),
        (504, "timeout_error", "", "server error", Category.TRANSIENT, None),
        (409, "conflict_error", "", "server error", Category.TRANSIENT, None),
    ],
)
async def test_each_refusal_is_told_apart(
    fake: FakeClaude, status: int, kind: str, code: str, case: str, category: Category, repeat: bool | None
) -> None:
    fake.fails(status, kind, f"the API says no to {KEY}", code)
    error = await fails(fake)
    assert (error.case, error.category, error.repeat) == (case, category, repeat)
    assert str(error).endswith("the API says no to ***")


async def test_a_missing_credit_that_comes_as_a_bad_request_is_one(fake: FakeClaude) -> None:
    fake.fails(400, "invalid_request_error", "Your credit balance is too low to access the API")
    assert (await fails(fake)).case == "no credit"


@pytest.mark.parametrize(
    ("header", "value", "delay"),
    [
        ("retry_after", "7", 7.0),
        ("retry_after_ms", "1500", 1.5),
        ("retry_after", "86400", 3600.0),
        ("retry_after", "Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("retry_after", "-5", 0.0),
        ("retry_after", "nan", None),
        ("retry_after", "soon", None),
        ("x_other", "1", None),
    ],
)
async def test_a_wish_for_rest_is_the_delay_within_reason(
    fake: FakeClaude, header: str, value: str, delay: float | None
) -> None:
    fake.fails(429, "rate_limit_error", **{header: value})
    assert (await fails(fake)).delay == delay


async def test_an_overload_in_the_middle_of_a_stream_is_one(fake: FakeClaude) -> None:
    fake.breaks_off(overloaded_event())
    error = await fails(fake, LONG)
    assert (error.case, error.category) == ("overloaded", Category.TRANSIENT)


async def test_a_stream_that_breaks_off_is_no_answer(fake: FakeClaude) -> None:
    fake.breaks_off()
    error = await fails(fake, LONG)
    assert (error.case, error.category) == ("unreachable", Category.TRANSIENT)


async def test_nobody_there(fake: FakeClaude) -> None:
    error = await fails(fake, anthropic_base_url="http://user:secret@127.0.0.1:9")
    assert (error.case, error.category) == ("unreachable", Category.TRANSIENT)
    assert "http://127.0.0.1:9" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("prompt", [QUESTION, LONG])
async def test_no_answer_in_time(fake: FakeClaude, prompt: Prompt) -> None:
    fake.waits()
    error = await fails(fake, prompt, claude_timeout_seconds=0.3)
    assert (error.case, error.category) == ("timeout", Category.TIMEOUT)
    assert "within 0.3 s" in str(error)
    await asyncio.wait_for(fake.hung_up.wait(), 5)


@pytest.mark.parametrize("prompt", [QUESTION, LONG])
async def test_a_cancellation_closes_the_request(fake: FakeClaude, prompt: Prompt) -> None:
    fake.waits()
    asking = asyncio.create_task(ask(fake, prompt))
    await asyncio.wait_for(fake.asked.wait(), 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(fake.hung_up.wait(), 5)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>hello</html>", "text/html"),
        (b"not json", "application/json"),
        (b'{"ok": true}', "application/json"),
        (b"[]", "application/json"),
        (b'{"content": 3, "usage": {}}', "application/json"),
    ],
)
async def test_what_is_not_claude_is_told(fake: FakeClaude, body: bytes, kind: str) -> None:
    fake.sends(body, kind=kind)
    error = await fails(fake)
    assert (error.case, error.category, error.repeat) == ("not Claude", Category.CONFIGURATION, False)
    assert "ANTHROPIC_BASE_URL" in error.suggestion


async def test_an_empty_stream_is_not_claude(fake: FakeClaude) -> None:
    fake.sends(b"", kind="text/event-stream")
    assert (await fails(fake, LONG)).case == "not Claude"


async def test_an_address_without_the_api_is_told(fake: FakeClaude) -> None:
    error = await fails(fake, anthropic_base_url=f"http://127.0.0.1:{fake.port}/elsewhere")
    assert error.case == "not Claude"


async def test_neither_key_nor_prompt_is_logged(fake: FakeClaude, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.says("yes")
    await ask(fake, Prompt(messages=[{"role": "user", "content": "a private question"}], system="a private system"))
    assert "private" not in caplog.text
    assert KEY not in caplog.text


async def test_it_closes_twice_and_answers_again(fake: FakeClaude) -> None:
    fake.says("one")
    fake.says("two")
    model = ClaudeModel(fake.settings())
    await model.ask(QUESTION)
    await model.close()
    await model.close()
    assert (await model.ask(QUESTION)).text == "two"
    await model.close()


async def test_two_first_questions_at_once(fake: FakeClaude) -> None:
    fake.says("one")
    fake.says("one")
    model = ClaudeModel(fake.settings())
    answers = await asyncio.gather(model.ask(QUESTION), model.ask(QUESTION))
    assert [answer.text for answer in answers] == ["one", "one"]
    await model.close()


def test_the_sdk_is_loaded_with_the_first_question_only() -> None:
    program = (
        "import sys\nfrom engine.adapters.claude import ClaudeModel\nfrom engine.settings import Settings\n"
        "ClaudeModel(Settings(anthropic_api_key='k'))\nprint('anthropic' in sys.modules, 'httpx2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_usage_adds_up_and_an_unknown_cost_stays_unknown() -> None:
    known = Usage(1, 2, 3, 4, 0.5)
    assert known.plus(known) == Usage(2, 4, 6, 8, 1.0)
    assert known.plus(Usage(1, 1)).cost is None
    assert json.dumps(known.cost) == "0.5"
