"""The caps of an agent, and whether the next question still fits below them. Pure."""

from __future__ import annotations

from pydantic import Field

from engine.agents.talk import TalkSoFar
from engine.language import Usage
from engine.tools.base import Input

LEAST_ANSWER = 256
"""Tokens: a shorter answer is not worth asking for."""


class Budget(Input):
    """What one agent may use at most, over all attempts of its subtask together."""

    turns: int = Field(default=25, ge=1, le=500)
    """Answers of the model."""
    tool_calls: int = Field(default=100, ge=0, le=5_000)
    """Tool calls."""
    tokens: int = Field(default=500_000, ge=1, le=100_000_000)
    """Tokens of questions and answers, cached ones included."""
    cost: float | None = Field(default=None, gt=0, le=1_000_000)
    """US dollars by CLAUDE_PRICES; no bound unless given."""
    seconds: float | None = Field(default=None, gt=0, le=31_536_000)
    """Time that questions and tool calls take, seconds; no bound unless given."""


def tokens_of(usage: Usage) -> int:
    """All tokens of answers and their questions."""
    return usage.tokens


def spent(budget: Budget, talk: TalkSoFar) -> str | None:
    """Which cap leaves no room for one more question, in words; None when there is room.

    A question holds all that was said before. So the next one takes at least what the last one did, answer included:
    an agent is stopped before the question that would break its cap, not after it.
    """
    used, last = talk.usage, talk.last_usage
    if talk.turns >= budget.turns:
        return f"{budget.turns} turns"
    if len(talk.calls) > budget.tool_calls:
        return f"{budget.tool_calls} tool calls"
    if room(budget, talk) < min(LEAST_ANSWER, budget.tokens):
        return f"{budget.tokens} tokens"
    if budget.cost is not None and (used.cost or 0.0) + (last.cost or 0.0) > budget.cost:
        return f"{budget.cost:g} US dollars"
    if budget.seconds is not None and talk.seconds >= budget.seconds:
        return f"{budget.seconds:g} s"
    return None


def room(budget: Budget, talk: TalkSoFar) -> int:
    """How many tokens the next answer may have before the cap on tokens is reached."""
    return budget.tokens - tokens_of(talk.usage) - next_question(talk)


def next_question(talk: TalkSoFar) -> int:
    """About how many tokens it has: all that was said, and what is new, at four characters a token."""
    if not talk.answers:
        return len(talk.opening) // 4
    fresh = sum(len(call.text) for call in talk.calls if call.turn == talk.answers[-1].turn)
    return tokens_of(talk.last_usage) + fresh // 4


def accounts(talk: TalkSoFar) -> str:
    """Where the tokens went, in words: the dearest turns first."""
    usage = talk.usage
    dearest = sorted(talk.answers, key=lambda answer: tokens_of(answer.usage), reverse=True)[:3]
    listed = ", ".join(f"turn {answer.turn} {tokens_of(answer.usage)}" for answer in dearest)
    cost = "" if usage.cost is None else f", {usage.cost:.4g} US dollars"
    return (
        f"{talk.turns} turns, {len(talk.calls)} tool calls, {tokens_of(usage)} tokens "
        f"({usage.input_tokens} in, {usage.cache_read_tokens} from the cache, {usage.cache_write_tokens} into it, "
        f"{usage.output_tokens} out; most in {listed or 'none'}){cost}"
    )
