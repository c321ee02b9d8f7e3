"""Errors, as RFC 9457 has them."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Wire


class ProblemError(Wire):
    """One fault: ``pointer`` into the body (RFC 6901), or the name of a ``parameter``."""

    pointer: str | None = Field(None, examples=["/plan/subtasks/3/priority"])
    parameter: str | None = Field(None, examples=["limit"])
    detail: str


class Problem(Wire):
    """An error as Problem Details (RFC 9457)."""

    type: str = Field(examples=["urn:agent03:problem:invalid-input"])
    """Stable; branch on this."""
    title: str
    status: int
    detail: str
    """What to do about it."""
    instance: str
    """The request's id, as the log names it."""
    errors: list[ProblemError] = Field(default_factory=list)
    state: str | None = None
    """Of a conflict with the state machine: where the task or subtask stands."""
    legal_moves: list[str] = Field(default_factory=list)
    """What may be asked of it instead."""
