"""Tools of a program's own whose far end a test breaks and mends."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from engine.errors import Retryable
from engine.tools.decorator import tool

MODULE = "tests.support.limit_tools"


@dataclass
class FarEnd:
    """What the tool ``far`` calls, by the name of a test."""

    down: bool = False
    slow: float = 0.0
    calls: int = 0
    inside: int = 0
    most_inside: int = 0


FAR: dict[str, FarEnd] = {}
SERVED: Counter[str] = Counter()


@tool("far", idempotent=True, breaker=True)
async def far(name: str) -> str:
    """Calls the far end of that name."""
    end = FAR.setdefault(name, FarEnd())
    end.calls += 1
    end.inside += 1
    end.most_inside = max(end.most_inside, end.inside)
    try:
        await asyncio.sleep(end.slow)
        if end.down:
            raise Retryable("the far end is down")
    finally:
        end.inside -= 1
    return name


@tool("near", idempotent=True)
async def near(name: str) -> str:
    """What runs in its place."""
    SERVED[name] += 1
    return f"near {name}"
