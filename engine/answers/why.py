"""Why a subtask, or a whole task, is where it is: the chain of causes up to what everything else waits for. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from engine.answers import causes as of
from engine.answers import words
from engine.answers.causes import Cause
from engine.answers.facts import Behind, Facts
from engine.model import Subtask, Task
from engine.plan import stored
from engine.states import FINAL, SETTLED, SubtaskStatus, TaskStatus

Status = SubtaskStatus
SHOWN_HOPS = 6
"""Hops that the sentence about a chain names; the data has them all."""
PLANNING = "planning"
"""The type of the subtask that has a model plan the task."""


class Step(msgspec.Struct, frozen=True):
    """One subtask of a chain: its causes, and which of the chain's subtasks they lie in."""

    key: str
    status: str
    type: str
    causes: list[Cause]
    because_of: list[str] = []
    expected_end: int | None = None


class Why(msgspec.Struct, frozen=True):
    """The answer. ``key`` is None where the task was asked about.

    ``words`` says it in a few sentences. ``causes`` are those of what was asked about; ``chain`` begins with it and
    goes up to the subtasks in ``roots``, which wait for no other one. ``expected_start`` and ``expected_end`` are
    milliseconds, None when nothing is known. ``counts`` says by cause, or by status, how much of a task waits for what.
    ``cut``: there is more above than was looked at.
    """

    task_id: str
    key: str | None
    status: str
    words: str
    causes: list[Cause]
    chain: list[Step] = []
    roots: list[str] = []
    expected_start: int | None = None
    expected_end: int | None = None
    behind: Behind = Behind()
    counts: dict[str, int] = {}
    cut: bool = False


# --- one subtask ----------------------------------------------------------------------------------------------------


def explain(asked: Subtask, facts: Facts) -> Why:
    """Why a subtask is where it is."""
    members = _members(asked, facts)
    chain = [_step(member, facts) for member in members]
    times = Times(facts)
    chain = [
        msgspec.structs.replace(step, expected_end=times.end(member))
        for step, member in zip(chain, members, strict=True)
    ]
    start = None if asked.started_at and asked.status in SETTLED else times.start(asked)
    if asked.status is Status.PROCESSING:
        start = asked.started_at
    answer = Why(
        task_id=facts.task.id,
        key=asked.key,
        status=asked.status.value,
        words="",
        causes=chain[0].causes,
        chain=chain,
        roots=[step.key for step in chain if not step.because_of],
        expected_start=None if asked.status in SETTLED else start,
        expected_end=None if asked.status in SETTLED else chain[0].expected_end,
        behind=facts.behind,
        cut=bool(facts.cut),
    )
    return msgspec.structs.replace(answer, words=_told(answer, facts))


def _members(asked: Subtask, facts: Facts) -> list[Subtask]:
    """The subtask and what was read above it, as far as it explains something, level by level."""
    found, level = {asked.id: asked}, [asked]
    while level:
        above = [other for member in level for other in _explaining(member, facts) if other.id not in found]
        level = list({other.id: other for other in above}.values())
        found |= {other.id: other for other in level}
    return list(found.values())


def _explaining(subtask: Subtask, facts: Facts) -> list[Subtask]:
    """The dependencies that a subtask waits for, or that decided about it."""
    others = facts.needed.get(subtask.id, ())
    if subtask.status is Status.PENDING:
        return [other for other in others if other.status not in SETTLED]
    if subtask.status in (Status.BLOCKED, Status.SKIPPED) and subtask.reason != of.BY_PERSON:
        return [other for other in others if other.status in of.UNSUCCESSFUL]
    return []


def _step(member: Subtask, facts: Facts) -> Step:
    above = [other.key for other in _explaining(member, facts)]
    return Step(member.key, member.status.value, member.type, of.causes(member, facts), above)


class Times:
    """When subtasks are expected to start and to end, by what is known: milliseconds, or None.

    What a prediction says goes first; without one, only what waits for nothing but its dependencies can be reckoned.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._ends: dict[str, int | None] = {}

    def end(self, subtask: Subtask) -> int | None:
        """When it is expected to end."""
        if subtask.id not in self._ends:
            self._ends[subtask.id] = None  # whoever asks again on the way up gets no answer
            self._ends[subtask.id] = self._end(subtask)
        return self._ends[subtask.id]

    def _end(self, subtask: Subtask) -> int | None:
        seconds, start = subtask.expected, self.start(subtask)
        if seconds is None or start is None:
            return None
        return max(start + round(1000 * seconds), self._facts.now)

    def start(self, subtask: Subtask) -> int | None:
        """When it is expected to start; of one that runs, when it did."""
        if subtask.status is Status.PROCESSING:
            return subtask.started_at
        if (predicted := self._facts.starts.get(subtask.key)) is not None:
            return predicted
        held = self._held_until(subtask)
        earliest = self._free_of_dependencies(subtask)
        return None if held is None or earliest is None else max(held, earliest)

    def _held_until(self, subtask: Subtask) -> int | None:
        """When nothing but its dependencies keeps it from starting; None when that cannot be known."""
        now, pause = self._facts.now, self._facts.task.pause
        others = [cause.code for cause in of.causes(subtask, self._facts)]
        if set(others) - {"dependency", "starting", "paused", "backoff", "undecided"}:
            return None
        if "paused" in others and (pause is None or pause.until is None or pause.then != "resume"):
            return None
        return max(now, pause.until) if pause is not None and pause.until is not None else now

    def _free_of_dependencies(self, subtask: Subtask) -> int | None:
        now = self._facts.now
        if subtask.status is Status.RETRYING:
            return max(now, subtask.wake_at or now)
        if subtask.status is not Status.PENDING:
            return now if subtask.status is Status.READY else None
        waits = _explaining(subtask, self._facts)
        ends = [self.end(other) for other in waits]
        if len(waits) < subtask.unmet or None in ends:
            return None
        return max([now, *(end for end in ends if end is not None)])


# --- a subtask in words -----------------------------------------------------------------------------------------------


def _told(answer: Why, facts: Facts) -> str:
    by_key = {step.key: step for step in answer.chain}
    path = _path(answer.chain[0], by_key)
    last = path[-1]
    main = next((cause for cause in last.causes if cause.key is None), last.causes[0])
    sentences = [_sentence(path, main)]
    held = [cause for cause in answer.causes if cause.key is None and cause is not main and len(path) > 1]
    sentences += [f"Besides, {cause.words}." for cause in held if cause.code not in ("dependency",)]
    others = len([root for root in answer.roots if root != last.key])
    if others and len(path) > 1:
        sentences.append(f"It also depends on {words.counted(others, 'other subtask')} that {_stand(others)} open.")
    if answer.status not in SETTLED:
        sentences.append(_when(answer))
    if answer.behind.count:
        least = "at least " if answer.behind.more else ""
        waits = "waits" if answer.behind.count == 1 else "wait"
        number = words.counted(answer.behind.count, "subtask")
        sentences.append(f"Behind it {waits} {least}{number}: {words.listed(answer.behind.keys)}.")
    if main.advice:
        sentences.append(_advised(main.advice))
    if answer.cut:
        where = f"GET /tasks/{facts.task.id}/why/{last.key}"
        sentences.append(f"The chain goes on above {last.key}: {where} follows it.")
    return " ".join(sentence for sentence in sentences if sentence)


def _stand(number: int) -> str:
    return "is" if number == 1 else "are"


def _path(first: Step, by_key: Mapping[str, Step]) -> list[Step]:
    """From what was asked about up to one root: at each step towards what keeps it longest, as far as that is known."""
    path, seen = [first], {first.key}
    while above := [by_key[key] for key in path[-1].because_of if key in by_key and key not in seen]:
        path.append(max(above, key=_weight))
        seen.add(path[-1].key)
    return path


def _weight(step: Step) -> tuple[int, float]:
    """What cannot end by itself first, then what ends last."""
    codes = {cause.code for cause in step.causes}
    stuck = codes & {"approval", "quarantined", "failed", "engine_gone", "no_tool", "no_agent", "cancelled", "skipped"}
    return (2 if stuck else 1 if step.expected_end is None else 0), float(step.expected_end or 0)


def _sentence(path: Sequence[Step], main: Cause) -> str:
    first, last = path[0], path[-1]
    if len(path) == 1:
        return f"{first.key} is {first.status}: {main.words}."
    verb = "waits for" if first.status == Status.PENDING else f"is {first.status} because of"
    between = [step.key for step in path[1:-1]]
    if len(between) > SHOWN_HOPS:
        hidden = len(between) - SHOWN_HOPS
        between = [*between[: SHOWN_HOPS // 2], f"({hidden} more)", *between[-SHOWN_HOPS // 2 :]]
    follows = "which waits for" if first.status == Status.PENDING else "which depends on"
    through = "".join(f"{key}, {follows} " for key in between)
    return f"{first.key} {verb} {through}{last.key}, which is {last.status}: {main.words}."


def _when(answer: Why) -> str:
    if answer.status == Status.PROCESSING:
        if answer.expected_end is None:
            return "When it will be done is not known."
        return f"It is expected to be done at {words.moment(answer.expected_end)}."
    if answer.expected_start is None:
        return "When it will start is not known."
    return f"It is expected to start at {words.moment(answer.expected_start)}."


# --- a task -----------------------------------------------------------------------------------------------------------


def explain_task(facts: Facts, urgent: Sequence[Subtask]) -> Why:
    """Why a task is where it is; ``urgent`` are the most urgent subtasks of each state that holds something up."""
    task = facts.task
    if task.status in FINAL:
        return _ended(task, facts)
    steps, times = [], Times(facts)
    for subtask in urgent:
        step = _step(subtask, facts)
        steps.append(msgspec.structs.replace(step, because_of=[], expected_end=times.end(subtask)))
    general = of.of_engine(facts) + of.of_task(facts)
    own = [*general, *of.type_limits(facts), *_planning(task, urgent)]
    found = own + [_named(step.key, cause) for step in steps for cause in step.causes if cause.code not in _codes(own)]
    found = found or [Cause("undecided", "nothing holds it up; the next turn decides what starts")]
    counts = {status: number for status, number in task.counts.items() if number}
    said = _task_words(task, found, counts)
    return Why(task.id, None, task.status.value, said, found, steps, [step.key for step in steps], counts=counts)


def stored_soon(task_id: str) -> Why:
    """A task that is being written: nobody sees it yet."""
    text = "the task is still being stored; it begins when all of it is written"
    return Why(task_id, None, TaskStatus.PENDING.value, f"Not begun: {text}.", [Cause("storing", text)])


def from_memory(facts: Facts) -> Why:
    """What the engine can say of a task of its own while the graph does not answer."""
    task = facts.task
    found = of.of_engine(facts) + of.of_task(facts)
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


def _task_words(task: Task, found: Sequence[Cause], counts: Mapping[str, int]) -> str:
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
    return " ".join([*sentences, _advised(advice)] if advice else sentences)


def _advised(text: str) -> str:
    return f"What to do: {text.rstrip('.')}."


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
    code: of.Code = "completed" if status is TaskStatus.COMPLETED else "failed"
    code = "cancelled" if status is TaskStatus.CANCELLED else code
    advice = "" if status is TaskStatus.COMPLETED else f"POST /tasks/{task.id}/rerun runs what did not complete again"
    data = {"since": task.completed_at, "by": told or None}
    cause = Cause(code, text, advice, data=data)
    said = f"{_upper(text)}." + (f" {_advised(advice)}" if advice else "")
    return Why(task.id, None, status.value, said, [cause], counts=dict(counts))
