"""The limits of one engine, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from engine.breakerstore import BreakerStore
from engine.limits.breaker import Rules
from engine.limits.breakers import Breakers
from engine.limits.lines import Lines
from engine.limits.turnstile import Turnstile
from engine.limits.window import LocalLimiter
from engine.ports import Clock
from engine.rates import parse_rates
from engine.settings import Settings

Work = Coroutine[Any, Any, None]


def build_turnstile(
    settings: Settings,
    graph: BreakerStore,
    clock: Clock,
    user_of: Callable[[str], str],
    help_: Callable[[Work], None],
    surely: Callable[[Callable[[], Work]], None],
) -> Turnstile:
    """What every call has to pass.

    Args:
        settings: of the engine.
        graph: keeps open breakers.
        clock: times.
        user_of: who has submitted a task.
        help_: runs work beside the scheduler's loop.
        surely: the same with a write, until the graph has taken it.
    """
    rules = Rules(
        window=settings.breaker_window_seconds,
        calls=settings.breaker_calls,
        rate=settings.breaker_rate,
        slow=settings.breaker_slow_seconds,
        open=settings.breaker_open_seconds,
    )
    breakers = Breakers(graph, clock, rules if settings.breaker_open_seconds else None, surely)
    return Turnstile(
        breakers, LocalLimiter(clock), Lines(clock, help_), parse_rates(settings.rate_limits), clock, user_of
    )
