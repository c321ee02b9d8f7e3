"""A tool that asks a shop, which is closed until a file named ``open`` is there; each call leaves a line behind."""

from pathlib import Path

from engine import Retryable, tool


@tool("price", idempotent=True, risk="read", breaker=True)
def price(item: str) -> str:
    """Asks what something costs."""
    with Path("calls.txt").open("a") as calls:
        calls.write(f"{item}\n")
    if not Path("open").exists():
        raise Retryable("the shop is closed", delay=0.01)
    return f"{item} costs 2"
