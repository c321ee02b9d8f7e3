"""Answers on the wire: their models, and how they are made from the engine's own values."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic import Field

from api.schemas import Time, Wire
from engine.answers import why
from engine.answers.holds import Cause, Code
from engine.model import Json
from engine.times import iso

Model = TypeVar("Model", bound=Wire)
TIMES = ("since", "until", "expected_end")
"""Names in a cause's data that are times, beside those that end in ``_at``."""


class CauseView(Wire):
    """One cause."""

    code: Code
    """Stable; branch on this."""
    words: str
    advice: str | None
    """What to do about it; null where there is nothing to do."""
    key: str | None
    """The subtask that it lies in; null for what was asked about itself."""
    data: dict[str, Any]
    """What belongs to the code: ``until``, ``by``, ``limit``, ``running``, ``place``, ``error`` and the like."""


class StepView(Wire):
    """One subtask of the chain."""

    key: str
    status: str
    type: str
    causes: list[CauseView]
    because_of: list[str]
    """Keys of the chain's subtasks that its causes lie in; empty for a root."""
    expected_end: Time | None


class BehindView(Wire):
    """What waits behind a subtask, directly or not."""

    count: int
    more: bool
    """Whether there are more: then ``count`` is only the least that there are."""
    keys: list[str]
    """Some of them."""


class WhyView(Wire):
    """Why a task or a subtask is where it is."""

    task_id: str
    key: str | None
    """Null when the task was asked about."""
    status: str
    words: str = Field(examples=["sum waits for fetch, which is retrying: waits out a back-off until ..."])
    """The answer in a few sentences."""
    causes: list[CauseView]
    """The causes of what was asked about, the most decisive first."""
    chain: list[StepView]
    """From what was asked about up to what waits for no other subtask; of a task, the subtasks that hold it up."""
    roots: list[str]
    """Keys of the chain's subtasks that everything else in it waits for."""
    expected_start: Time | None
    """When it is expected to start, or did; null when that is not known, and of what has ended."""
    expected_end: Time | None
    behind: BehindView
    counts: dict[str, int]
    """Of a task: its subtasks by status."""
    truncated: bool
    """Whether the chain goes on above what was looked at."""


def why_view(answer: why.Why) -> WhyView:
    """An answer as it is sent."""
    return WhyView(
        task_id=answer.task_id,
        key=answer.key,
        status=answer.status,
        words=answer.words,
        causes=[_cause(cause) for cause in answer.causes],
        chain=[
            StepView(
                key=step.key,
                status=step.status,
                type=step.type,
                causes=[_cause(cause) for cause in step.causes],
                because_of=step.because_of,
                expected_end=_time(step.expected_end),
            )
            for step in answer.chain
        ],
        roots=answer.roots,
        expected_start=_time(answer.expected_start),
        expected_end=_time(answer.expected_end),
        behind=BehindView(count=answer.behind.count, more=answer.behind.more, keys=answer.behind.keys),
        counts=answer.counts,
        truncated=answer.cut,
    )


def _cause(cause: Cause) -> CauseView:
    data = {name: _shown(name, value) for name, value in cause.data.items()}
    return CauseView(code=cause.code, words=cause.words, advice=cause.advice or None, key=cause.key, data=data)


def _shown(name: str, value: Json) -> Json:
    if value is not None and (name in TIMES or name.endswith("_at")):
        return iso(value)
    return value


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)


def wire(model: type[Model], value: msgspec.Struct) -> Model:
    """A value whose fields are those of its model."""
    return model.model_validate_json(msgspec.json.encode(value))
