"""When a task will have ended."""

from __future__ import annotations

from api.schemas.base import Wire


class Estimate(Wire):
    """When a task will have ended, in seconds from its start: the median, and an interval that holds it four times of
    five.
    """

    seconds: float
    low: float
    high: float
    work_seconds: float
    """All subtasks one after the other."""
    critical_path_seconds: float
    """The longest path: no number of slots ends it sooner."""
    evidence: dict[str, int]
    """Subtasks by what their estimates rest on: ``subtask`` (the same one in earlier runs), ``kind`` (type, version and
    size), ``type``, ``any``, ``none``.
    """


class WhatIfAnswer(Wire):
    """How a task goes on, in seconds from now, and how it would with the change."""

    now: Estimate
    then: Estimate
    difference: float
    """Seconds; negative when it would end sooner."""
