"""How each state looks wherever it is drawn: a sign for those who see no colours, and colours."""

from __future__ import annotations

from typing import NamedTuple

from engine.states import SubtaskStatus as S


class Look(NamedTuple):
    """A sign, the colours of fill and outline, and the colour's name on a terminal."""

    sign: str
    fill: str
    line: str
    colour: str


LOOKS = {
    S.PENDING: Look("○", "#f3f4f6", "#6b7280", "bright_black"),
    S.READY: Look("◇", "#e0f2fe", "#0369a1", "cyan"),
    S.PROCESSING: Look("▶", "#dbeafe", "#1d4ed8", "blue"),
    S.RETRYING: Look("↻", "#fef3c7", "#b45309", "yellow"),
    S.AWAITING_APPROVAL: Look("?", "#ede9fe", "#6d28d9", "magenta"),
    S.COMPLETED: Look("✓", "#dcfce7", "#15803d", "green"),
    S.FAILED: Look("✗", "#fee2e2", "#b91c1c", "red"),
    S.SKIPPED: Look("»", "#f5f5f4", "#a8a29e", "bright_black"),
    S.BLOCKED: Look("⊘", "#ffedd5", "#c2410c", "dark_orange"),
    S.CANCELLED: Look("■", "#e5e7eb", "#4b5563", "bright_black"),
    S.QUARANTINED: Look("!", "#fce7f3", "#be185d", "deep_pink2"),
}
PLANNED = Look("○", "#f3f4f6", "#6b7280", "bright_black")
"""Of what nobody runs yet."""
FIRST_SEEN = (
    S.FAILED,
    S.QUARANTINED,
    S.BLOCKED,
    S.AWAITING_APPROVAL,
    S.PROCESSING,
    S.RETRYING,
    S.READY,
    S.PENDING,
    S.CANCELLED,
    S.COMPLETED,
    S.SKIPPED,
)
"""Which of the states of its members a group shows: what needs a person first, then what is still to come."""


def look_of(status: str) -> Look:
    """How a state looks; one that is none is a plan's."""
    return LOOKS[S(status)] if status in LOOKS else PLANNED


def worst(statuses: dict[str, int]) -> str:
    """The state that a group of subtasks is shown in."""
    return next((status.value for status in FIRST_SEEN if statuses.get(status)), "")
