"""Which strategy plans a typed task: chosen by the words in its type, extended by ``register``."""

from __future__ import annotations

from collections.abc import Iterable

from engine.planning.strategies.analysis import Analysis
from engine.planning.strategies.base import Strategy
from engine.planning.strategies.data_processing import DataProcessing
from engine.planning.strategies.generation import Generation
from engine.planning.strategies.multi_step import MultiStep
from engine.planning.strategies.transformation import Transformation


class StrategyRegistry:
    """The strategies there are; the five built-in ones unless others are given."""

    def __init__(self, strategies: Iterable[Strategy] | None = None) -> None:
        self._strategies: dict[str, Strategy] = {}
        for strategy in built_in() if strategies is None else strategies:
            self.register(strategy)

    def register(self, strategy: Strategy) -> None:
        """Adds a strategy; one of the same name is replaced, and among equally good ones the latest is taken."""
        self._strategies.pop(strategy.name, None)
        self._strategies[strategy.name] = strategy

    def names(self) -> list[str]:
        """The names of all, in the order of registration."""
        return list(self._strategies)

    def get(self, name: str) -> Strategy | None:
        """The strategy of that name."""
        return self._strategies.get(name)

    def choose(self, type: str) -> Strategy | None:
        """The strategy whose words fit a type best; None when no word of it is known."""
        rated = [(strategy.rate(type), strategy) for strategy in reversed(self._strategies.values())]
        best = max(rated, key=lambda pair: pair[0], default=None)
        return best[1] if best and best[0] > 0 else None


def built_in() -> list[Strategy]:
    """The five strategies that are always there."""
    return [DataProcessing(), Analysis(), Generation(), Transformation(), MultiStep()]
