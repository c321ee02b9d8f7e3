"""Plans that are not stored, templates and learned plans."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.schemas.base import Time, Wire
from api.schemas.forecasts import Estimate
from api.schemas.graphs import Picture
from api.schemas.tasks import PlannedView


class TemplateView(Wire):
    """A plan template of the engine's own folder."""

    name: str
    description: str
    parameters: dict[str, dict[str, Any]]
    """By name: type, whether it is required, default, limits."""
    subtasks: int


class LearnedView(Wire):
    """A plan that has worked before."""

    key: str
    type: str
    text: str
    """The sentence without its literals."""
    source: str
    """Who had planned it."""
    successes: int
    failures: int
    median_seconds: float | None
    created_at: Time
    used_at: Time


class Templates(Wire):
    """What plans can be made of."""

    templates: list[TemplateView]
    learned: list[LearnedView]
    """Newest first, at most 1,000."""


class PlanPreview(Wire):
    """What a plan would become; nothing is stored."""

    subtasks_count: int
    edges_count: int
    width: int
    """Subtasks in the largest generation: how many could run at once."""
    generations: list[list[str]]
    """Keys by longest way from a subtask without dependencies."""
    critical_path: list[str]
    planned: PlannedView | None
    """How the plan came about; null for one that was sent as it is."""
    plan: dict[str, Any] | None
    """The plan that would be stored, as it could be sent; null for one that was sent, or above 1,000 subtasks."""
    graph: Picture | None = None
    """The plan as a graph with its layout; null above 1,000 subtasks."""
    needs_approval: list[str] = Field(default_factory=list)
    """Subtasks that would wait for a person, as far as the plan shows it; the first 100."""
    estimate: Estimate | None = None
    """Null while nothing is known of what its subtasks take."""
