"""What computes long belongs in a process of its own: in a thread it would share one processor with the engine.

AGENT03_TOOLS=primes makes these types known; ``executor="processes"`` says where they run.
"""

from __future__ import annotations

import os

from engine import RunContext, tool


@tool("count_primes", idempotent=True, executor="processes")
def count_primes(first: int, last: int, context: RunContext) -> dict[str, int]:
    """Counts the primes of a range, the slow way.

    Args:
        first: where it begins.
        last: where it ends; not looked at itself.
    """
    found = 0
    for number in range(max(first, 2), last):
        if number % 10_000 == 0:
            context.progress()
        found += all(number % divisor for divisor in range(2, int(number**0.5) + 1))
    return {"primes": found, "process": os.getpid()}


@tool("add_up", idempotent=True)
def add_up(parts: list[dict[str, int]]) -> str:
    """Adds up what was counted; runs in the engine's process."""
    processes = {part["process"] for part in parts}
    here = "one of them" if os.getpid() in processes else "none of them"
    return f"{sum(part['primes'] for part in parts)} primes, {len(processes)} processes, {here} the engine's"


@tool("crash", executor="processes", idempotent=True)
def crash(exit_code: int) -> None:
    """Ends its process without a word, as a fault in a library would."""
    os._exit(exit_code)
