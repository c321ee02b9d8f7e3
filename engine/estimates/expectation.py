"""What is expected of each subtask of a plan, and the order that follows from it: the longest path first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.estimates.estimate import Estimate
from engine.estimates.estimator import Estimator
from engine.estimates.sizes import Sizes
from engine.plan.drafts import Draft
from engine.plan.order import Order, weighted

LEAST_WEIGHT = 0.001
"""Seconds that every subtask weighs at least: of two paths of instant subtasks the one with more of them is longer."""


class Expectation:
    """Estimates what is about to be stored.

    Args:
        estimator: what is known.
        version: that of a type's tool.
        sizes: how large an input is.
    """

    def __init__(self, estimator: Estimator, version: Callable[[str], str], sizes: Sizes) -> None:
        self._estimator = estimator
        self._version = version
        self._sizes = sizes

    def of(self, key: str, type_: str, size: int | None = None) -> Estimate:
        """What is expected of one subtask."""
        return self._estimator.estimate(key, type_, self._version(type_), size)

    def ordered(self, drafts: Sequence[Draft], order: Order, within: str = "") -> Order:
        """Notes on each draft what is expected of it, and orders them by that.

        A mapped subtask weighs what one of its items does, but nothing is expected of itself. ``within`` is the key of
        the subtask that they grow from.
        """
        weights: list[float] = []
        for draft in drafts:
            key = f"{within}[{draft.key}]" if within else draft.key
            size = None if draft.refs is not None or draft.mapped else self._sizes.of_text(draft.encoded, draft.input)
            seconds = self.of(key, draft.type, size).seconds
            draft.expected = None if draft.mapped else seconds
            weights.append(max(seconds, LEAST_WEIGHT))
        return weighted(order, weights)
