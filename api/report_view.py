"""A report on the wire."""

from __future__ import annotations

from api.answers import BehindView, wire
from api.schemas import Time, Wire
from engine.answers import story
from engine.answers.report import Busy
from engine.answers.story import Report
from engine.states import SubtaskStatus, TaskStatus
from engine.times import iso


class PhaseView(Wire):
    """A part of the task's time."""

    name: str
    """``waiting`` before the first subtask, ``executing``, ``finishing`` after the last one."""
    seconds: float


class MomentView(Wire):
    """Something that happened."""

    at: Time
    what: str
    detail: str | None


class BusyView(Wire):
    """How many attempts ran at once; of each subtask the last attempt counts."""

    peak: int
    peak_at: Time | None
    average: float
    seconds: float
    """All attempts together."""
    slots: int
    """How many might have: those of the engine, or the task's own limit."""


class SlowView(Wire):
    """A subtask and how long it took."""

    key: str
    type: str
    seconds: float
    waited: float | None
    """Seconds from ready to started."""
    attempts: int
    expected: float | None


class TypeView(Wire):
    """What ran of one type, in seconds."""

    type: str
    count: int
    seconds: float
    longest: float


class FailureView(Wire):
    """A subtask that failed."""

    key: str
    status: SubtaskStatus
    critical: bool
    category: str | None
    message: str
    suggestion: str | None
    attempt: int
    behind: BehindView
    """What did not complete behind it."""


class RetriesView(Wire):
    """Subtasks that took more than one attempt."""

    subtasks: int
    attempts: int
    """Attempts beyond the first ones."""
    most: list[tuple[str, int]]
    """Pairs (key, attempts) of those with most."""


class SavedView(Wire):
    """What was not run because its result was there already."""

    cached: int
    reused: int
    """Taken over from the task that this one reruns."""
    seconds: float
    """What making ``known`` of them took: those of the cache; those taken over were expected to take as much."""
    known: int
    cost: float
    """US dollars that making those of the cache took."""


class MissedView(Wire):
    """A subtask that took longer or shorter than expected, in seconds."""

    key: str
    expected: float
    actual: float


class EstimatesView(Wire):
    """Estimate against actual, in seconds, over the ``count`` subtasks for which both are known."""

    count: int
    expected: float
    actual: float
    longer: list[MissedView]
    shorter: list[MissedView]


class AgentView(Wire):
    """What an agent has used, over all its attempts."""

    key: str
    turns: int
    tokens: int
    """Of questions and answers, cached ones included."""
    cost: float | None
    """US dollars by CLAUDE_PRICES; null where the model has no price."""


class AgentsView(Wire):
    """Where the tokens went: all agents together, and those that used most."""

    tokens: int
    cost: float | None
    most: list[AgentView]


class HopView(Wire):
    """A subtask on the way that decided when the task ended."""

    key: str
    seconds: float
    waited: float
    """Seconds after the one before had ended."""


class PathView(Wire):
    """That way: back from what ended last, each time to the dependency that settled last."""

    hops: list[HopView]
    seconds: float
    waited: float
    truncated: bool


class ReportView(Wire):
    """What happened in a task. Lists hold at most ten rows, the path 100."""

    task_id: str
    name: str
    type: str
    status: TaskStatus
    words: str
    at: Time
    """When the report was made."""
    created_at: Time
    started_at: Time | None
    completed_at: Time | None
    seconds: float | None
    """From submitted to ended; null while it is open."""
    planned_by: str | None
    rerun_of: str | None
    subtasks: dict[str, int]
    result: str | None
    """The result as JSON text, cut after 500 characters."""
    result_hash: str | None
    phases: list[PhaseView]
    timeline: list[MomentView]
    busy: BusyView
    slowest: list[SlowView]
    types: list[TypeView]
    failed: int
    failures: list[FailureView]
    retries: RetriesView
    saved: SavedView
    estimates: EstimatesView
    agents: AgentsView
    path: PathView
    next: list[str]
    """What to do next."""


def report_view(report: Report) -> ReportView:
    """A report as it is sent."""
    task, gathered, path = report.task, report.gathered, report.path
    return ReportView(
        task_id=task.id,
        name=task.name,
        type=task.type,
        status=task.status,
        words=report.words,
        at=iso(report.at),
        created_at=iso(task.created_at),
        started_at=_time(task.started_at),
        completed_at=_time(task.completed_at),
        seconds=report.seconds,
        planned_by=story.origin_of(task) or None,
        rerun_of=task.rerun_of,
        subtasks={status: number for status, number in task.counts.items() if number},
        result=report.result,
        result_hash=task.result_hash,
        phases=[wire(PhaseView, phase) for phase in report.phases],
        timeline=[MomentView(at=iso(row.at), what=row.what, detail=row.detail or None) for row in report.timeline],
        busy=_busy(gathered.busy, report.slots),
        slowest=[wire(SlowView, row) for row in gathered.slowest],
        types=[wire(TypeView, row) for row in gathered.types],
        failed=report.failed,
        failures=[wire(FailureView, row) for row in report.failures],
        retries=wire(RetriesView, gathered.repeats),
        saved=wire(SavedView, gathered.saved),
        estimates=wire(EstimatesView, gathered.estimates),
        agents=_agents(report),
        path=PathView(
            hops=[HopView(key=hop.key, seconds=hop.seconds, waited=hop.waited) for hop in path.hops],
            seconds=path.seconds,
            waited=path.waited,
            truncated=path.cut,
        ),
        next=report.next,
    )


def _agents(report: Report) -> AgentsView:
    total, most = story.spending(report.agents)
    rows = [AgentView(key=row.key, turns=row.turns, tokens=row.usage.tokens, cost=row.usage.cost) for row in most]
    return AgentsView(tokens=total.tokens, cost=total.cost if most else 0.0, most=rows)


def _busy(busy: Busy, slots: int) -> BusyView:
    average = round(busy.average, 3)
    return BusyView(peak=busy.peak, peak_at=_time(busy.peak_at), average=average, seconds=busy.seconds, slots=slots)


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)
