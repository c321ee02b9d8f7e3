"""Why a whole task is where it is: what holds it up now, or how it ended. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from engine.answers import causes as of
from engine.answers import holds, words
from engine.answers.chain import Times, step_of
from engine.answers.facts import Facts
from engine.answers.holds import Cause, Code
from engine.answers.why import Why, advised
from engine.model import Subtask, Task
from engine.plan import stored
from engine.states import FINAL, SubtaskStatus, TaskStatus
from engine.times import iso

Status = SubtaskStatus
PLANNING = "planning"
"""The type of the subtask that has a model plan the task."""


def explain_task(facts: Facts, urgent: Sequence[Subtask]) -> Why:
    """Why a task is where it is; ``urgent`` are the most urgent subtasks of each state that holds something up."""
    task = facts.task
    if task.status in FINAL:
        return _ended(task, facts)
    steps, times = [], Times(facts)
    for subtask in urgent:
        step = step_of(subtask, facts)
        steps.append(msgspec.structs.replace(step, because_of=[], expected_end=times.end(subtask)))
    general = holds.of_engine(facts) + holds.of_task(facts)
    own = [*general, *of.type_limits(facts), *_planning(task, urgent)]
    found = own + [_named(step.key, cause) for step in steps for cause in step.causes if cause.code not in _codes(own)]
    found = found or [Cause("undecided", "nothing holds it up; the next turn decides what starts")]
    counts = {status: number for status, number in task.counts.items() if number}
    said = _task_words(task, found, counts, _foretold(facts))
    end = None if facts.end is None else facts.end.at(facts.end.prediction.seconds)
    roots = [step.key for step in steps]
    return Why(task.id, None, task.status.value, said, found, steps, roots, expected_end=end, counts=counts)


def stored_soon(task_id: str) -> Why:
    """A task that is being written: nobody sees it yet."""
    text = "the task is still being stored; it begins when all of it is written"
    return Why(task_id, None, TaskStatus.PENDING.value, f"Not begun: {text}.", [Cause("storing", text)])


def from_memory(facts: Facts) -> Why:
    """What the engine can say of a task of its own while the graph does not answer."""
    task = facts.task
    found = holds.of_engine(facts) + holds.of_task(facts)
    counts = {status: number for status, number in task.counts.items() if number}
    return Why(task.id, None, task.status.value, _task_words(task, found, counts), found, counts=counts)


def _codes(found: Sequence[Cause]) -> set[str]:
    return {cause.code for cause in found}


def _named(key: str, cause: Cause) -> Cause:
    return cause if cause.key else msgspec.structs.replace(cause, key=key)


def _planning(task: Task, urgent: Sequence[Subtask]) -> list[Cause]:
    origin = stored.decode(task.body).origin
    planners = [subtask for subtask in urgent if subtask.type == PLANNING and subtask.status is Status.PROCESSING]
    if origin is None or origin.by != "model" or sum(task.counts.values()) > 1 or not planners:
        return []
    text = "the task is still being planned by a model; its subtasks follow"
    return [Cause("planning", text, key=planners[0].key, data={"since": planners[0].started_at})]


def _foretold(facts: Facts) -> str:
    """When the task is expected to have ended, in a sentence; empty where nothing is known."""
    if facts.end is None:
        return ""
    foretold = facts.end.prediction
    low, middle, high = (iso(facts.end.at(at)) for at in (foretold.low, foretold.seconds, foretold.high))
    return f"It is expected to be done at {middle}, and with four chances of five between {low} and {high}."


def _task_words(task: Task, found: Sequence[Cause], counts: Mapping[str, int], foretold: str = "") -> str:
    sentences = [f"The task is {task.status.value}."]
    groups: defaultdict[str, list[Cause]] = defaultdict(list)
    for cause in found:
        groups[cause.code].append(cause)
    for cause, *others in groups.values():
        more = f" (and {len(others)} more like this)" if others else ""
        subject = f"{cause.key}: " if cause.key else ""
        sentences.append(f"{_upper(subject + cause.words)}{more}.")
    waiting = counts.get(Status.PENDING, 0)
    if waiting:
        sentences.append(f"{_upper(words.counted(waiting, 'subtask'))} wait{'s' if waiting == 1 else ''} for these.")
    advice = next((cause.advice for cause in found if cause.advice), "")
    return " ".join(filter(None, [*sentences, foretold, advised(advice) if advice else ""]))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ended(task: Task, facts: Facts) -> Why:
    error = msgspec.json.decode(task.error) if task.error else {}
    counts = Counter({status: number for status, number in task.counts.items() if number})
    status = task.status
    text = f"the task {'was' if status is TaskStatus.CANCELLED else 'has'} {status.value} "
    text += f"at {words.seen_at(task.completed_at, facts.now)}"
    told = facts.told.get(task.id, "")
    if told:
        text += f": {words.quoted(told)}"
    elif error.get("message") and status is not TaskStatus.COMPLETED:
        text += f": {words.quoted(str(error['message']))}"
    code: Code = "completed" if status is TaskStatus.COMPLETED else "failed"
    code = "cancelled" if status is TaskStatus.CANCELLED else code
    advice = "" if status is TaskStatus.COMPLETED else f"POST /tasks/{task.id}/rerun runs what did not complete again"
    data = {"since": task.completed_at, "by": told or None}
    cause = Cause(code, text, advice, data=data)
    said = f"{_upper(text)}." + (f" {advised(advice)}" if advice else "")
    return Why(task.id, None, status.value, said, [cause], counts=dict(counts))
