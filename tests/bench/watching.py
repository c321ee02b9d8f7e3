"""What being watched costs: an attempt and a turn told to the metrics, a scrape, and an attempt in a trace or in none.

Best of many short rounds, so that a busy machine says nearly the same. ``python -m tests.bench.watching`` prints it.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from engine.adapters.tracing import Traces
from engine.tracing import NullTracing, Tracing
from tests.support.metrics import claim, full, settled

ROUNDS, CALLS = 2000, 20
TYPES, ROUTES = 100, 60


def microseconds(work: Callable[[], object], rounds: int = ROUNDS, calls: int = CALLS) -> float:
    """The shortest time that one call took."""
    return min(timeit.repeat(work, number=calls, repeat=rounds)) / calls * 1e6


def attempt_in(tracing: Tracing) -> Callable[[], None]:
    """One attempt with one call of a tool, as the engine writes it."""
    claimed, outcome = claim(), settled()
    tracing.begin(claimed.task_id, {})

    def attempt() -> None:
        with tracing.attempt(claimed) as span:
            with tracing.tool("noop"):
                pass
            span.ended(outcome)

    return attempt


def main() -> None:
    """Prints each cost."""
    metrics, claimed, outcome = full(), claim(expected=1.0), settled()
    kept, dropped = TracerProvider(), TracerProvider(sampler=ALWAYS_OFF)
    costs = {
        "an attempt told to the metrics": microseconds(lambda: metrics.attempt(claimed, outcome, 2.0, 1.0)),
        "a turn told to the metrics": microseconds(lambda: metrics.turn(0.002, 10, 10)),
        "an attempt that nobody traces": microseconds(attempt_in(NullTracing())),
        "an attempt traced, and not sampled": microseconds(attempt_in(Traces(dropped.get_tracer("bench")))),
        "an attempt traced, and kept": microseconds(attempt_in(Traces(kept.get_tracer("bench")))),
    }
    for number in range(TYPES):
        metrics.attempt(claim(f"type{number}", expected=1.0), outcome, 2.0, 1.0)
    for number in range(ROUTES):
        metrics.request("GET", f"/route{number}", 200, 0.01)
    metrics.look()
    costs[f"a scrape with {TYPES} types and {ROUTES} routes"] = microseconds(lambda: metrics.written(""), 20, 1)
    for what, cost in costs.items():
        print(f"{what:<45}{cost:>12,.1f} us")


if __name__ == "__main__":
    main()
