"""What keeps anything of a task from starting: the engine that has it, or the task itself. Pure."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from engine.answers import words
from engine.answers.facts import Facts
from engine.model import Json
from engine.times import iso

Code = Literal[
    "dependency",
    "undecided",
    "starting",
    "slot",
    "type_limit",
    "pressure",
    "breaker",
    "rate_limit",
    "concurrency",
    "rest",
    "max_parallel",
    "paused",
    "closing",
    "no_tool",
    "no_agent",
    "executor",
    "backoff",
    "approval",
    "running",
    "planning",
    "storing",
    "draining",
    "graph",
    "elsewhere",
    "engine_gone",
    "engine_failed",
    "completed",
    "failed",
    "failed_dependency",
    "skipped",
    "skipped_dependency",
    "run_if",
    "cancelled",
    "quarantined",
]
CODES: tuple[str, ...] = get_args(Code)


class Cause(msgspec.Struct, frozen=True):
    """One cause. ``key`` is the subtask that it lies in, where it is another one."""

    code: Code
    words: str
    advice: str = ""
    key: str | None = None
    data: dict[str, Json] = {}


def of_engine(facts: Facts) -> list[Cause]:
    """What keeps this engine, or the one that has the task, from starting anything at all."""
    here, owner = facts.here, facts.task.owner
    if not here.owned:
        return _of_owner(facts, owner)
    if here.failure:
        text = f"this engine has stopped working: {words.quoted(here.failure)}"
        return [Cause("engine_failed", text, "restart it; it goes on with what is stored")]
    if here.unavailable:
        text = f"the graph does not answer: {words.quoted(here.unavailable)}"
        return [Cause("graph", text, "the engine goes on by itself once it answers")]
    if here.draining:
        text = "this engine is shutting down, so it starts nothing more"
        return [Cause("draining", text, "another engine takes it over, or this one when it starts again")]
    return []


def _of_owner(facts: Facts, owner: str) -> list[Cause]:
    sign, now = facts.here.sign, facts.now
    data: dict[str, Json] = {"engine": owner} | ({"since": sign.at} if sign else {})
    if sign is None or sign.left:
        text = f"engine {owner}, which has the task, has stopped"
        return [Cause("engine_gone", text, "another engine takes the task over with its next heartbeat", data=data)]
    if now - sign.at > facts.here.timeout:
        text = f"engine {owner}, which has the task, gave its last sign of life at {words.seen_at(sign.at, now)}"
        advice = "an engine that works takes the task over within seconds; start one if there is none"
        return [Cause("engine_gone", text, advice, data=data)]
    text = f"the task is run by engine {owner}; what holds it there is known only there"
    return [Cause("elsewhere", text, "ask that engine", data=data)]


def of_task(facts: Facts) -> list[Cause]:
    """What keeps every subtask of the task from starting."""
    task = facts.task
    if task.gate:
        doing = {"cancelling": "being cancelled", "failing": "failing fast", "expired": "past its deadline"}
        text = f"the task is {doing.get(task.gate, task.gate)}{by_whom(task.gate_detail, ': ')}: nothing of it starts"
        return [Cause("closing", text, data={"gate": task.gate, "detail": task.gate_detail})]
    if task.pause is None:
        return []
    until, then = task.pause.until, task.pause.then
    text = f"the task is paused{by_whom(task.pause.by, ' by ')}"
    text += f" until {iso(until)}, then it is to {then}" if until is not None else " until somebody resumes it"
    data = {"by": task.pause.by or None, "until": until, "then": then if until is not None else None}
    return [Cause("paused", text, f"POST /tasks/{task.id}/resume lets it go on", data=data)]


def by_whom(text: str, before: str) -> str:
    """Somebody else's text after some words, "" without one."""
    return f"{before}{words.quoted(text)}" if text else ""
