"""The limits of one engine, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from engine.boardport import Board
from engine.breakerstore import BreakerStore
from engine.limits.breaker import Rules
from engine.limits.breakers import Breakers
from engine.limits.lines import Lines
from engine.limits.shared import SharedLimiter
from engine.limits.sharing import Sharing
from engine.limits.turnstile import Turnstile
from engine.limits.window import Limiter, LocalLimiter
from engine.ports import Clock
from engine.rates import parse_rates
from engine.settings import Settings

_log = structlog.get_logger("limits")

Work = Coroutine[Any, Any, None]


def build_turnstile(
    settings: Settings,
    graph: BreakerStore,
    clock: Clock,
    user_of: Callable[[str], str],
    help_: Callable[[Work], None],
    surely: Callable[[Callable[[], Work]], None],
    board: Board | None = None,
) -> Turnstile:
    """What every call has to pass.

    Args:
        settings: of the engine.
        graph: keeps open breakers.
        clock: times.
        user_of: who has submitted a task.
        help_: runs work beside the scheduler's loop.
        surely: the same with a write, until the graph has taken it.
        board: what is shared with other engines; None where each keeps its limits by itself.
    """
    rules = Rules(
        window=settings.breaker_window_seconds,
        calls=settings.breaker_calls,
        rate=settings.breaker_rate,
        slow=settings.breaker_slow_seconds,
        open=settings.breaker_open_seconds,
    )
    breakers = Breakers(graph, clock, rules if settings.breaker_open_seconds else None, surely)
    limiter: Limiter = LocalLimiter(clock)
    if board is not None:
        limiter = SharedLimiter(board, clock, settings.engine_timeout_seconds, _fault)
    rates = parse_rates(settings.rate_limits)
    turnstile = Turnstile(breakers, limiter, Lines(clock, help_), rates, clock, user_of)
    if board is not None and isinstance(limiter, SharedLimiter):
        turnstile.sharing = Sharing(board, limiter, turnstile)
    return turnstile


def _fault(error: BaseException) -> None:
    _log.error("work for shared limits has failed", exc_info=error)
