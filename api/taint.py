"""What of a task came from outside and where it goes, as it goes over the wire."""

from __future__ import annotations

from api.schemas import Wire
from engine.taint.desk import Taint


class TaintPath(Wire):
    """A way from outside to a tool that refuses it."""

    keys: list[str]
    """The subtasks on it, the first of which takes something in."""
    asks: bool
    """Its last one will ask a person; false: it has run, because a person had approved it or its input was clean."""


class TaintView(Wire):
    """The taint of a task."""

    sources: list[str]
    """Subtasks that take something in from outside, or may."""
    tainted: list[str]
    """Subtasks whose output holds something from outside that no person has looked at."""
    asking: list[str]
    """Subtasks that will each ask a person when it comes to them, or ask now."""
    paths: list[TaintPath]
    """One way to each of these; the first 100."""
    approvals: list[str]
    """The fewest subtasks whose approval covers all of these: with ``requires_approval`` on them no other one asks."""


def view(found: Taint) -> TaintView:
    """The answer."""
    return TaintView(
        sources=found.sources,
        tainted=found.tainted,
        asking=found.asking,
        paths=[TaintPath(keys=path.keys, asks=path.asks) for path in found.paths],
        approvals=found.approvals,
    )
