"""What goes over the wire: strict pydantic models, apart from the engine's own values, so that either can change.

They are built by ``api.present`` and documented in ``/openapi.json``. Times are ISO-8601 in UTC with milliseconds.
"""

from __future__ import annotations

from api.schemas.agents import (
    Agents,
    AgentView,
    AvailableAgents,
    Pools,
    PoolScaled,
    PoolView,
    PoolWorker,
    RegisteredAgent,
    TakenResult,
)
from api.schemas.base import (
    Fault,
    Time,
    Wire,
)
from api.schemas.cache import (
    CacheExplanation,
    CacheStats,
    Invalidated,
    KeptView,
)
from api.schemas.forecasts import (
    Estimate,
    WhatIfAnswer,
)
from api.schemas.graphs import (
    CollapsedGraphView,
    GraphGroup,
    GraphNode,
    GraphView,
)
from api.schemas.health import (
    Alive,
    Health,
    Ready,
)
from api.schemas.keys import (
    CreatedKey,
    Keys,
    KeyView,
)
from api.schemas.plans import (
    LearnedView,
    PlanPreview,
    Templates,
    TemplateView,
)
from api.schemas.problems import (
    Problem,
    ProblemError,
)
from api.schemas.queries import (
    QueryAnswer,
    SavedQueries,
    SavedQueryView,
)
from api.schemas.routing import (
    CandidateView,
    RoutePreview,
    RuleView,
)
from api.schemas.subtasks import (
    AttemptView,
    AwaitedView,
    Expected,
    OptionView,
    RequestView,
    SubtaskDetail,
    SubtaskError,
    SubtaskPage,
    SubtaskResult,
)
from api.schemas.tasks import (
    CallbackView,
    Created,
    EventPage,
    EventView,
    PauseView,
    Phase,
    PlannedView,
    Progress,
    Task,
    TaskAnswer,
    TaskDocument,
    TaskError,
    TaskPage,
    TaskSummary,
    Trouble,
)
from api.schemas.tools import (
    ToolProfile,
    Tools,
    ToolView,
)

__all__ = [
    "AgentView",
    "Agents",
    "Alive",
    "AttemptView",
    "AvailableAgents",
    "AwaitedView",
    "CacheExplanation",
    "CacheStats",
    "CallbackView",
    "CandidateView",
    "CollapsedGraphView",
    "Created",
    "CreatedKey",
    "Estimate",
    "EventPage",
    "EventView",
    "Expected",
    "Fault",
    "GraphGroup",
    "GraphNode",
    "GraphView",
    "Health",
    "Invalidated",
    "KeptView",
    "KeyView",
    "Keys",
    "LearnedView",
    "OptionView",
    "PauseView",
    "Phase",
    "PlanPreview",
    "PlannedView",
    "PoolScaled",
    "PoolView",
    "PoolWorker",
    "Pools",
    "Problem",
    "ProblemError",
    "Progress",
    "QueryAnswer",
    "Ready",
    "RegisteredAgent",
    "RequestView",
    "RoutePreview",
    "RuleView",
    "SavedQueries",
    "SavedQueryView",
    "SubtaskDetail",
    "SubtaskError",
    "SubtaskPage",
    "SubtaskResult",
    "TakenResult",
    "Task",
    "TaskAnswer",
    "TaskDocument",
    "TaskError",
    "TaskPage",
    "TaskSummary",
    "TemplateView",
    "Templates",
    "Time",
    "ToolProfile",
    "ToolView",
    "Tools",
    "Trouble",
    "WhatIfAnswer",
    "Wire",
]
