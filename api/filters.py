"""What filters understand: times, and states in our own words or as other systems call them. What we answer is one
vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

from engine.plan.nearest import Nearest
from engine.states import SYNONYMS, SubtaskStatus, TaskStatus

OF_TASKS = SYNONYMS | {"queued": "pending", "scheduled": "pending"}
"""A task is never ``ready``: one that waits for its first slot is pending."""


def _known(states: type[StrEnum], synonyms: dict[str, str]) -> Callable[[object], object]:
    """A validator that maps a word to one of ``states``; raises ``ValueError`` with the nearest one."""
    names = [state.value for state in states]
    meant = {word: state for word, state in synonyms.items() if state in names} | {name: name for name in names}
    nearest = Nearest(meant)

    def validate(value: object) -> object:
        word = re.sub(r"[\s-]+", "_", str(value).strip().lower())
        if word not in meant:
            hint = nearest.hint(word) or ";"
            raise ValueError(f"there is no state {str(value)[:80]!r}{hint} The states are {', '.join(names)}")
        return states(meant[word])

    return validate


TaskState = Annotated[TaskStatus, BeforeValidator(_known(TaskStatus, OF_TASKS))]
SubtaskState = Annotated[SubtaskStatus, BeforeValidator(_known(SubtaskStatus, SYNONYMS))]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(1000 * moment.timestamp())


def _no_number(value: object) -> object:
    if str(value).strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a number is no time; write it like 2026-11-21T10:15:30Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A time with its zone, in ISO-8601."""
