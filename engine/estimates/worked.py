"""The tool's part in one attempt: what it was given, and what its outcome teaches."""

from __future__ import annotations

import msgspec

from engine.estimates.learning import Learner
from engine.estimates.profile import Observation
from engine.model import Effort, Json, Value
from engine.states import SubtaskStatus
from engine.turn import Settle

COMPLETED, FAILED = "completed", "failed"
"""The outcomes that teach something; what was stopped, reused or cached says nothing about its kind."""


class Worked(Value, frozen=True):
    """A tool was called: of which type and version, with an input of so many bytes."""

    type: str
    version: str
    input_bytes: int
    cost: float = 0.0

    def returned(self, output: Json) -> Worked:
        """With what the output says that it has cost, in US dollars."""
        usage = output.get("usage") if isinstance(output, dict) else None
        cost = usage.get("cost") if isinstance(usage, dict) else None
        return msgspec.structs.replace(self, cost=float(cost)) if isinstance(cost, int | float) and cost > 0 else self

    def teach(self, learner: Learner, settle: Settle, seconds: float) -> None:
        """Has an attempt noted that took so long."""
        if settle.outcome == COMPLETED:
            effort = settle.effort or Effort()
            seen = Observation(
                seconds,
                output_bytes=settle.output_bytes,
                memory=effort.memory_bytes or 0,
                cost=self.cost,
                cpu=effort.cpu_seconds,
            )
        elif settle.outcome == FAILED:
            seen = Observation(None, retry=settle.to is SubtaskStatus.RETRYING)
        else:
            return
        if self.cost and settle.task_id in learner.costs:
            learner.costs[settle.task_id] += self.cost
        learner.note(self.type, self.version, self.input_bytes, seen)
