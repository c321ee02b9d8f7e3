"""Whether an attempt that was cut off in the middle may simply run again. Pure.

The fence guards the graph, not the world: what a tool had begun may have had its effect already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.plan.spec import Spec
from engine.routing.rules import Option
from engine.toolport import Tool
from engine.turn import Claim


def on_interrupt(
    claim: Claim,
    spec: Spec,
    tools: Callable[[str], Tool | None],
    possible: Callable[[str], Sequence[Option]] = lambda type_: (Option(type_),),
) -> str:
    """What follows when the engine is gone: "retry", "ask" or "fail".

    What the subtask says; else a repeat of what does no harm, and a person's decision for the rest. ``possible`` is
    what may have run subtasks of a type: which of it did is not known of an attempt that was cut off.
    """
    if spec.on_interrupt is not None:
        return spec.on_interrupt
    if spec.map is not None:
        return "retry"
    type_, runs = spec.running(claim.type, claim.fell_back)
    ran = [(tools(option.tool), option.value(runs.input)) for option in possible(type_)]
    return "retry" if all(tool is not None and tool.repeatable(value) for tool, value in ran) else "ask"


def on_request(spec: Spec) -> str:
    """The same after a person wanted it stopped for a while: then only the subtask itself can speak against it."""
    return spec.on_interrupt or "retry"
