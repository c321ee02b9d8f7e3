"""What a scenario measures: one named figure with a value per round, or the reason why there is none."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Args:
        scenario: the name that ``--only`` takes.
        graph: "neo4j", "embedded", or the name of a peer.
        what: what was measured.
        unit: of the values.
        values: one per round; empty when it could not be measured.
        aim: what it should be: "<= 4", ">= 0.5"; empty when there is no aim.
        note: why there are no values, or what has to be known to read them.
    """

    scenario: str
    graph: str
    what: str
    unit: str
    values: Sequence[float] = field(default_factory=tuple)
    aim: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        """The middle one of its values."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median keeps the aim; None where there is no aim or no value."""
        if not self.aim or not self.values:
            return None
        sign, _, bound = self.aim.partition(" ")
        return self.median <= float(bound) if sign == "<=" else self.median >= float(bound)

    def as_json(self) -> dict[str, object]:
        """The line for ``--json``."""
        return {
            "scenario": self.scenario,
            "graph": self.graph,
            "what": self.what,
            "unit": self.unit,
            "median": self.median if self.values else None,
            "values": list(self.values),
            "aim": self.aim,
            "reached": self.reached,
            "note": self.note,
        }


def ratios(over: Figure, under: Figure, what: str, aim: str = "", note: str = "") -> Figure:
    """``over`` by ``under``, round by round: both are of the same run."""
    values = [a / b for a, b in zip(over.values, under.values, strict=True)]
    return Figure(over.scenario, over.graph, what, "x", values, aim, note)
