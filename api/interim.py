"""Reports of a task while it runs, on the wire: as data, and as Markdown in which nothing of a user forms a part."""

from __future__ import annotations

from collections.abc import Sequence

from api.markdown import plain
from api.schemas.reports import ReportedFailure, ReportedForecast, ReportedView, ReportedWaiting, ReportList
from engine.answers import words
from engine.answers.interim import EVENT, Interim
from engine.model import Event
from engine.times import iso

__all__ = ["EVENT", "listed", "markdown", "view"]


def view(event: Event) -> ReportedView | None:
    """The report that an event holds; None when it holds none."""
    found = Interim.decode(event.detail)
    if found is None:
        return None
    foretold = None
    if found.foretold is not None and found.foretold_low is not None and found.foretold_high is not None:
        foretold = ReportedForecast(seconds=found.foretold, low=found.foretold_low, high=found.foretold_high)
    return ReportedView(
        seq=event.seq,
        at=iso(event.at),
        cause=found.cause,
        words=found.words,
        percent=found.percent,
        counts=found.counts,
        running=found.running,
        waiting=[ReportedWaiting(key=one.key, status=one.status, why=one.why) for one in found.waiting],
        failures=[ReportedFailure(key=one.key, message=one.message) for one in found.failures],
        why=found.why,
        elapsed=found.elapsed,
        foretold=foretold,
        ends_at=None if found.ends_at is None else iso(found.ends_at),
        cost=found.cost,
    )


def listed(events: Sequence[Event], limit: int) -> ReportList:
    """A page of reports, from one event more than it may have."""
    shown = [found for event in events[:limit] if (found := view(event)) is not None]
    return ReportList(reports=shown, next_cursor=str(events[limit - 1].seq) if len(events) > limit else None)


def markdown(task_id: str, page: ReportList) -> str:
    """A page of reports as Markdown."""
    sections = [f"# Reports of task {task_id}", *map(_section, page.reports)]
    return "\n\n".join(sections if page.reports else [*sections, "None yet."]) + "\n"


def _section(report: ReportedView) -> str:
    lines = [f"## {report.at}: {plain(report.cause)}", "", report.words]  # numbers only: nothing of a user
    if report.why:
        lines += ["", plain(report.why, 1_000)]
    if report.foretold is not None:
        low, high = words.duration(report.foretold.low), words.duration(report.foretold.high)
        ends = "" if report.ends_at is None else f"; it is expected to end at {report.ends_at}"
        lines += ["", f"When it came in, {low} to {high} were expected{ends}."]
    told = [f"- {plain(one.key)} failed: {plain(one.message, 300)}" for one in report.failures]
    told += [f"- {plain(one.key)} ({one.status}): {plain(one.why, 300)}" for one in report.waiting]
    return "\n".join(lines + (["", *told] if told else []))
