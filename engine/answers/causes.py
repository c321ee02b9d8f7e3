"""Why one subtask is where it is: the causes of its state as far as they lie in itself, its task and the engine. Pure.

Each cause has a code to branch on, words for people, advice where there is something to do, and data. In ``data`` the
names that end in ``_at``, and ``since``, ``until`` and ``expected_end``, are milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from engine.answers import words
from engine.answers.facts import Facts, Here
from engine.answers.holds import Cause, Code, by_whom, of_engine, of_task
from engine.context import what_holds
from engine.limits.breakers import Shown
from engine.model import Json, Subtask
from engine.states import SETTLED, SubtaskStatus
from engine.times import iso

BY_PERSON = "by a person"
"""The reason that a subtask carries when a person skipped it."""
INTERRUPTED = "interrupted"
NO_AGENT = "start an agent that can do it: GET /agents lists those there are"
EXECUTOR = "it starts by itself; GET /health says how the executors are"
_RESET = "it goes on by itself once a call succeeds; POST /tools/{tool}/reset closes it at once"
UNSUCCESSFUL = SETTLED - {SubtaskStatus.COMPLETED}


def causes(subtask: Subtask, facts: Facts) -> list[Cause]:
    """Why a subtask is in its state, the most decisive first; at least one."""
    found = _BY_STATUS[subtask.status](subtask, facts)
    if subtask.status in SETTLED or subtask.status is SubtaskStatus.PROCESSING:
        return found
    return of_engine(facts) + of_task(facts) + found if subtask.status is not SubtaskStatus.READY else found


def expected_seconds(subtask: Subtask) -> float | None:
    """How long it usually takes; None when nothing is known."""
    found: float | None = getattr(subtask, "expected", None)
    return found


def error_of(subtask: Subtask) -> dict[str, Json]:
    """Its error as it was stored; empty without one."""
    return dict(msgspec.json.decode(subtask.error)) if subtask.error else {}


# --- a subtask, by its state ----------------------------------------------------------------------------------------


def _pending(subtask: Subtask, facts: Facts) -> list[Cause]:
    if not subtask.unmet:
        text = "all its dependencies are settled; whether it runs is being decided"
        return [Cause("undecided", text)]
    waits = [other for other in facts.needed.get(subtask.id, ()) if other.status not in SETTLED]
    found = [_dependency(other) for other in waits]
    if len(waits) < subtask.unmet:
        rest = subtask.unmet - len(waits)
        text = f"waits for {words.counted(rest, 'further dependency', 'further dependencies')}"
        found.append(Cause("dependency", text, data={"number": rest}))
    return found


def _dependency(other: Subtask) -> Cause:
    text = f"waits for {other.key}, which is {other.status.value}"
    return Cause("dependency", text, key=other.key, data={"status": other.status.value})


def _ready(subtask: Subtask, facts: Facts) -> list[Cause]:
    here, task = facts.here, facts.task
    found = of_engine(facts) + of_task(facts)
    if here.owned and here.tools and subtask.type not in here.tools:
        text = f"no tool of this engine is called {subtask.type!r}: it fails as soon as it is started"
        found.append(Cause("no_tool", text, "name its module in AGENT03_TOOLS", data={"type": subtask.type}))
    if (lacking := facts.lacking.get(subtask.id)) is not None:
        found.append(Cause("no_agent", f"no agent takes it: {lacking}", NO_AGENT, data={"type": subtask.type}))
    if found or not here.owned:
        return found
    if (broken := here.broken.get(subtask.type)) is not None and not subtask.fell_back:
        return [_breaker(broken)]
    limit = here.limits.get(subtask.type)
    if limit is not None and here.of_type.get(subtask.type, 0) >= limit:
        return [_type_limit(subtask.type, here, limit)]
    if task.max_parallel and here.of_task >= task.max_parallel:
        text = f"{here.of_task} of its task's subtasks run, and max_parallel lets {task.max_parallel} run"
        data: dict[str, Json] = {"running": here.of_task, "limit": task.max_parallel}
        return [Cause("max_parallel", text, data=data | _place(subtask, facts))]
    if here.running >= here.slots:
        return [_slot(subtask, facts)]
    return [Cause("starting", "it is ready and a slot is free: it starts in a moment", data=_place(subtask, facts))]


def _breaker(broken: Shown) -> Cause:
    text = f"the breaker of {broken.key} is open: {broken.reason}"
    data: dict[str, Json] = {"breaker": broken.key, "until": broken.until, "since": broken.opened_at}
    return Cause("breaker", text + _tried(broken.until), _RESET.format(tool=broken.tool), data=data)


def _tried(until: int | None) -> str:
    return "" if until is None else f"; one call tries it at {iso(until)}"


def _type_limit(type_: str, here: Here, limit: int) -> Cause:
    running = here.of_type.get(type_, 0)
    text = f"{running} of type {type_} run, and {limit} may"
    if type_ in here.eased and here.short:
        return _pressure(text, here, {"type": type_, "running": running, "limit": limit})
    lowered = type_ in here.lowered
    if lowered:
        text += ", fewer than the settings say because resources ran short"
    advice = "it rises again with each success" if lowered else "TYPE_LIMITS sets the limit"
    return Cause(
        "type_limit", text, advice, data={"type": type_, "running": running, "limit": limit, "lowered": lowered}
    )


def _pressure(text: str, here: Here, data: dict[str, Json]) -> Cause:
    """Less may run than usual, for the machine is short of something."""
    text += f", fewer than usual because the machine is short: {'; '.join(here.short)}"
    advice = "it rises again by itself once the machine has room; the PRESSURE settings say what is short"
    return Cause("pressure", text, advice, data=data | {"reasons": [*here.short]})


def type_limits(facts: Facts) -> list[Cause]:
    """The types of which subtasks of the task are held back by their limit."""
    here = facts.here
    return [_type_limit(type_, here, here.limits[type_]) for type_ in here.held if type_ in here.limits]


def _slot(subtask: Subtask, facts: Facts) -> Cause:
    here, place = facts.here, _place(subtask, facts)
    text = f"waits for a slot: {here.running} of {here.slots} are taken"
    if "place" in place:
        text += f"; it is the {words.ordinal(place['place'])} of its task in line"
    if here.others:
        text += f", and {words.counted(here.others, 'other task')} share{'s' if here.others == 1 else ''} the slots"
    data: dict[str, Json] = {"running": here.running, "slots": here.slots, "other_tasks": here.others}
    if here.short:
        return _pressure(f"waits for a slot: {here.running} run, and {here.slots} may", here, data | place)
    return Cause(
        "slot", text, "MAX_PARALLEL_TASKS sets the slots; a task's priority weighs its share", data=data | place
    )


def _place(subtask: Subtask, facts: Facts) -> dict[str, Json]:
    ahead = facts.ahead.get(subtask.id)
    return {} if ahead is None else {"place": ahead + 1}


def _processing(subtask: Subtask, facts: Facts) -> list[Cause]:
    since, expected = subtask.started_at, subtask.expected
    attempt = subtask.token
    text = f"runs since {words.seen_at(since, facts.now)}"
    if attempt > 1:
        text += f", its {words.ordinal(attempt)} attempt"
    if expected is not None:
        text += f"; it usually takes {words.duration(expected)}"
    data: dict[str, Json] = {"since": since, "attempt": attempt, "expected_seconds": expected}
    found = [Cause("running", text, data=data | ({"engine": facts.task.owner} if facts.task.owner else {}))]
    gone = [cause for cause in of_engine(facts) if cause.code in ("engine_gone", "engine_failed", "graph")]
    return gone + found


def _retrying(subtask: Subtask, facts: Facts) -> list[Cause]:
    live = facts.here.waits(subtask.id)
    held = (live.code, live.words) if live else what_holds(subtask.reason)
    return [_held(subtask, *held)] if held else _backing_off(subtask, facts)


def _held(subtask: Subtask, code: str, said: str) -> Cause:
    if code == "no_agent":
        return Cause("no_agent", f"waits for an agent: {said}", NO_AGENT, data={"type": subtask.type})
    if code == "executor":
        return Cause("executor", f"waits: {said}", EXECUTOR, data={"type": subtask.type})
    until = subtask.wake_at
    text = f"waits: {said}" + (f"; it expects to start at {iso(until)}" if until is not None else "")
    return Cause(cast(Code, code), text, "it starts by itself, and has spent no attempt", data={"until": until})


def _backing_off(subtask: Subtask, facts: Facts) -> list[Cause]:
    error, until = error_of(subtask), subtask.wake_at
    text = "waits out a back-off"
    if until is not None:
        text += f" until {iso(until)}"
    text += f" after attempt {subtask.attempts}{_said(error)}"
    advice = f"POST /tasks/{facts.task.id}/subtasks/{subtask.key}/retry starts it at once"
    data: dict[str, Json] = {"until": until, "attempt": subtask.attempts, "error": _shown(error)}
    return [Cause("backoff", text, advice, data=data)]


def _awaiting(subtask: Subtask, facts: Facts) -> list[Cause]:
    if subtask.reason == INTERRUPTED:
        text = "waits for a person: it was interrupted, and running it again could repeat what it did"
    else:
        text = f"waits for a person to approve it{by_whom(subtask.reason, ': ')}"
    place = f"POST /tasks/{facts.task.id}/subtasks/{subtask.key}"
    return [Cause("approval", text, f"{place}/approve or /reject", data={"reason": subtask.reason or None})]


def _completed(subtask: Subtask, facts: Facts) -> list[Cause]:
    how = "its result was reused" if subtask.cached else "it completed"
    text = f"{how} at {words.seen_at(subtask.completed_at, facts.now)}"
    return [Cause("completed", text, data={"since": subtask.completed_at, "cached": subtask.cached})]


def _failed(subtask: Subtask, facts: Facts) -> list[Cause]:
    error = error_of(subtask)
    text = f"failed at {words.seen_at(subtask.completed_at, facts.now)}"
    text += f" on attempt {subtask.attempts}" if subtask.attempts else " before it was started"
    data: dict[str, Json] = {"since": subtask.completed_at, "attempt": subtask.attempts, "error": _shown(error)}
    return [Cause("failed", text + _said(error), str(error.get("suggestion") or ""), data=data)]


def _blocked(subtask: Subtask, facts: Facts) -> list[Cause]:
    found = _because_of_needed(subtask, facts, "failed_dependency", "never ran")
    return found or [Cause("failed_dependency", "never ran, because something that it needs did not succeed")]


def _because_of_needed(subtask: Subtask, facts: Facts, code: Code, what: str) -> list[Cause]:
    return [
        Cause(
            code,
            f"{what}, because {other.key}, which it needs, is {other.status.value}",
            key=other.key,
            data={"status": other.status.value},
        )
        for other in facts.needed.get(subtask.id, ())
        if other.status in UNSUCCESSFUL
    ]


def _skipped(subtask: Subtask, facts: Facts) -> list[Cause]:
    told = facts.told.get(subtask.id, "")
    if subtask.reason == BY_PERSON:
        who = f"skipped by {words.quoted(told)}" if told else "skipped by a person"
        return [Cause("skipped", who, data={"by": told or None, "since": subtask.completed_at})]
    if told.startswith("run_if") or "run_if" in told:
        return [Cause("run_if", f"skipped: {told}", data={"detail": told})]
    found = _because_of_needed(subtask, facts, "skipped_dependency", "skipped")
    since = {"by": None, "since": subtask.completed_at}
    return found or [Cause("skipped", f"skipped{by_whom(told, ': ')}", data=since)]


def _cancelled(subtask: Subtask, facts: Facts) -> list[Cause]:
    told = facts.told.get(facts.task.id) or facts.task.gate_detail
    text = f"cancelled at {words.seen_at(subtask.completed_at, facts.now)}{by_whom(told, ': ')}"
    data: dict[str, Json] = {"since": subtask.completed_at, "by": told or None}
    return [Cause("cancelled", text, data=data)]


def _quarantined(subtask: Subtask, facts: Facts) -> list[Cause]:
    error = error_of(subtask)
    times = words.counted(subtask.interrupted, "interruption")
    text = f"set apart after {times}, because it may bring its engine down{_said(error)}"
    place = f"POST /tasks/{facts.task.id}/subtasks/{subtask.key}"
    data: dict[str, Json] = {
        "since": subtask.completed_at,
        "interruptions": subtask.interrupted,
        "error": _shown(error),
    }
    return [Cause("quarantined", text, f"{place}/retry releases it, /skip abandons it", data=data)]


_BY_STATUS = {
    SubtaskStatus.PENDING: _pending,
    SubtaskStatus.READY: _ready,
    SubtaskStatus.PROCESSING: _processing,
    SubtaskStatus.RETRYING: _retrying,
    SubtaskStatus.AWAITING_APPROVAL: _awaiting,
    SubtaskStatus.COMPLETED: _completed,
    SubtaskStatus.FAILED: _failed,
    SubtaskStatus.BLOCKED: _blocked,
    SubtaskStatus.SKIPPED: _skipped,
    SubtaskStatus.CANCELLED: _cancelled,
    SubtaskStatus.QUARANTINED: _quarantined,
}


def _said(error: dict[str, Json]) -> str:
    message = error.get("message")
    return f": {words.quoted(str(message))}" if message else ""


def _shown(error: dict[str, Json]) -> Json:
    names: Sequence[str] = ("category", "message", "suggestion")
    return {name: error.get(name) or None for name in names} if error else None
