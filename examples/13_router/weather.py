"""Three tools that do the same: one is quick, one is slow, one often fails."""

import asyncio

from engine import Retryable, RunContext, tool


@tool("forecast", idempotent=True, risk="read")
async def forecast(city: str) -> str:
    """What plans ask for; the rules say who does it."""
    return f"{city}: dry"


@tool("forecast_slow", idempotent=True, risk="read", estimate_duration=lambda _: 0.3)
async def forecast_slow(city: str) -> str:
    """The same, from far away; it says itself how long it takes."""
    await asyncio.sleep(0.3)
    return f"{city}: dry, they say"


@tool("forecast_flaky", idempotent=True, risk="read")
async def forecast_flaky(city: str, context: RunContext) -> str:
    """The same, when it works at all."""
    if context.token == 1:
        raise Retryable("the line is bad", delay=0.01)
    return f"{city}: dry, I think"
