"""The report of a task: what happened, put together from what was gathered, with what to do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.agentstore import Talked
from engine.answers import words
from engine.answers.facts import Behind
from engine.answers.report import MOST, Gathered
from engine.language import Usage
from engine.lookups import Timing
from engine.model import Event, Json, Task
from engine.plan import stored
from engine.states import FINAL, SubtaskStatus, TaskStatus

RESULT_CHARACTERS = 500
"""How much of a result's JSON text a report quotes."""
MUCH = 0.8
"""A share from which on the report calls something the reason for how long it took."""


class Moment(msgspec.Struct, frozen=True):
    """Something that happened at a time, in milliseconds."""

    at: int
    what: str
    detail: str = ""


class Failure(msgspec.Struct, frozen=True):
    """A subtask that failed, why, what can be done, and what could not run because of it."""

    key: str
    status: str
    critical: bool
    category: str | None
    message: str
    suggestion: str | None
    attempt: int
    behind: Behind


class Hop(msgspec.Struct, frozen=True):
    """A subtask on the way that decided when the task ended; ``waited`` seconds after the one before had ended."""

    key: str
    seconds: float
    waited: float
    start: int = 0
    """When it began, in milliseconds."""
    status: str = ""


class Path(msgspec.Struct, frozen=True):
    """That way, from its first subtask to the last: seconds in subtasks and between them. ``cut``: it began earlier."""

    hops: list[Hop] = []
    seconds: float = 0.0
    waited: float = 0.0
    cut: bool = False


class Phase(msgspec.Struct, frozen=True):
    """A part of a task's time, in seconds."""

    name: str
    seconds: float


class Report(msgspec.Struct, frozen=True):
    """What happened in a task. Times are milliseconds, durations seconds."""

    task: Task
    at: int
    words: str
    seconds: float | None
    slots: int
    result: str | None
    gathered: Gathered
    phases: list[Phase]
    timeline: list[Moment]
    failures: list[Failure]
    failed: int
    path: Path
    next: list[str]
    agents: list[Talked] = []
    """What the talks of its agents have used."""


def spending(agents: Sequence[Talked]) -> tuple[Usage, list[Talked]]:
    """What the agents of a task have used together, and those that used most, talks of one subtask as one."""
    total = Usage(cost=0.0)
    by_subtask: dict[str, Talked] = {}
    for row in agents:
        total = total.plus(row.usage)
        before = by_subtask.get(row.subtask_id)
        turns, usage = (
            (row.turns, row.usage) if before is None else (before.turns + row.turns, before.usage.plus(row.usage))
        )
        by_subtask[row.subtask_id] = msgspec.structs.replace(row, turns=turns, usage=usage)
    return total, sorted(by_subtask.values(), key=lambda row: row.usage.tokens, reverse=True)[:MOST]


def way(chain: Sequence[Timing], cut: bool) -> Path:
    """The path that a chain of subtasks says, from the last one to end back to the first."""
    hops: list[Hop] = []
    before: int | None = None
    for row in reversed(chain):
        start = row.started_at if row.started_at is not None else row.completed_at
        waited = 0.0 if before is None or start is None else max(0.0, (start - before) / 1000)
        hops.append(Hop(row.key, row.seconds or 0.0, waited, start or 0, row.status))
        before = row.completed_at
    return Path(hops, sum(hop.seconds for hop in hops), sum(hop.waited for hop in hops), cut)


def phases(task: Task, gathered: Gathered, now: int) -> list[Phase]:
    """Where the time went: before the first subtask, while they ran, after the last one."""
    end = task.completed_at or now
    first, last = gathered.first_start, gathered.last_end
    if first is None or last is None:
        return [Phase("waiting", max(0.0, (end - task.created_at) / 1000))]
    spans = [("waiting", task.created_at, first), ("executing", first, last)]
    spans += [("finishing", last, task.completed_at)] if task.completed_at else []
    return [Phase(name, max(0.0, (until - since) / 1000)) for name, since, until in spans]


def timeline(events: Sequence[Event], gathered: Gathered) -> list[Moment]:
    """The task's own events, and the moments that stand out among those of its subtasks."""
    found = [Moment(event.at, _NAMES.get(event.event, event.event), event.detail) for event in events]
    busy = gathered.busy
    if gathered.first_start is not None:
        found.append(Moment(gathered.first_start, "the first subtask started"))
    if busy.peak_at is not None and busy.peak > 1:
        found.append(Moment(busy.peak_at, f"most ran at once: {busy.peak:,}"))
    if gathered.last is not None and gathered.last.completed_at is not None:
        found.append(Moment(gathered.last.completed_at, "the last attempt ended", gathered.last.key))
    return sorted(found, key=lambda moment: moment.at)


_NAMES = {"created": "it was submitted", "pause": "it was paused", "resume": "it went on", "cancel": "it was cancelled"}
_NAMES |= {"finish": "it ended", "late": "it took longer than foretold"}


def summary(task: Task, gathered: Gathered, failed: int, now: int) -> str:
    """The report in a few sentences."""
    took = words.duration(max(0.0, ((task.completed_at or now) - task.created_at) / 1000))
    done = task.counts.get(SubtaskStatus.COMPLETED, 0)
    total = sum(task.counts.values())
    final = task.status in FINAL
    ended = f"ended {task.status.value} after {took}" if final else f"is {task.status.value}, after {took}"
    sentences = [f"The task {ended}: {done:,} of {words.counted(total, 'subtask')} completed."]
    if failed:
        lost = task.counts.get(SubtaskStatus.BLOCKED, 0)
        behind = f", and {words.counted(lost, 'other')} could not run because of that" if lost else ""
        sentences.append(f"{words.counted(failed, 'subtask')} failed{behind}.")
    if gathered.repeats.subtasks:
        repeats = gathered.repeats
        more = words.counted(repeats.attempts, "further attempt")
        sentences.append(f"{words.counted(repeats.subtasks, 'subtask')} took {more}.")
    saved = gathered.saved
    if saved.cached or saved.reused:
        sentences.append(f"{words.counted(saved.cached + saved.reused, 'result')} came from earlier runs.")
    return " ".join(sentences)


def advice(task: Task, gathered: Gathered, failures: Sequence[Failure], path: Path, slots: int) -> list[str]:
    """What to do next, the most useful first."""
    found = _about_failures(task, failures) + _about_waiting(task)
    if task.status not in FINAL:
        return [*found, f"GET /tasks/{task.id}/why says what holds it up now"]
    if task.status is TaskStatus.CANCELLED:
        found.append(f"POST /tasks/{task.id}/rerun runs what did not complete, and keeps the rest")
    return found + _about_speed(gathered, path, slots)


def _about_failures(task: Task, failures: Sequence[Failure]) -> list[str]:
    found = [f"{failure.key}: {words.quoted(failure.suggestion)}" for failure in failures if failure.suggestion][:3]
    if failures and task.status in FINAL:
        found.append(f"then POST /tasks/{task.id}/rerun runs what failed, and keeps what completed")
    elif failures:
        found.append(f"POST /tasks/{task.id}/subtasks/{failures[0].key}/retry runs it again while the task is open")
    return found


def _about_waiting(task: Task) -> list[str]:
    waits = task.counts.get(SubtaskStatus.AWAITING_APPROVAL, 0) if task.status not in FINAL else 0
    if not waits:
        return []
    listing = f"GET /tasks/{task.id}/subtasks?status=awaiting_approval lists them"
    return [f"{words.counted(waits, 'subtask')} wait{'s' if waits == 1 else ''} for a person: {listing}"]


def _about_speed(gathered: Gathered, path: Path, slots: int) -> list[str]:
    if gathered.first_start is None or gathered.last_end is None or not path.hops:
        return []
    whole = (gathered.last_end - gathered.first_start) / 1000
    if whole < 1.0:
        return []
    slowest = max(path.hops, key=lambda hop: hop.seconds)
    if gathered.busy.average >= MUCH * slots:
        return [f"the slots were full most of the time: a larger MAX_PARALLEL_TASKS than {slots} may make it quicker"]
    if path.seconds >= MUCH * whole:
        return [
            f"{path.seconds / whole:.0%} of the time went along one chain; its longest part is {slowest.key} "
            f"with {words.duration(slowest.seconds)}: only a quicker or shorter chain makes it quicker"
        ]
    return []


def short(result: Json) -> str | None:
    """A result as JSON text, cut; None without one."""
    if result is None:
        return None
    text = msgspec.json.encode(result).decode()
    return text if len(text) <= RESULT_CHARACTERS else text[: RESULT_CHARACTERS - 1] + "…"


def origin_of(task: Task) -> str:
    """How its plan came about, in a word; "" for one that was sent as it is."""
    origin = stored.decode(task.body).origin
    return "" if origin is None else " ".join(filter(None, (origin.by, origin.name)))
