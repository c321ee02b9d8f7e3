"""Why a subtask is where it is: the chain of causes up to what everything else waits for, and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine.answers import words
from engine.answers.chain import Step, Times, foretold, members_of, step_of
from engine.answers.facts import Behind, Facts
from engine.answers.holds import Cause
from engine.model import Subtask
from engine.states import SETTLED, SubtaskStatus
from engine.times import iso

Status = SubtaskStatus
SHOWN_HOPS = 6
"""Hops that the sentence about a chain names; the data has them all."""


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
    members = members_of(asked, facts)
    chain = [step_of(member, facts) for member in members]
    times = Times(facts)
    ends = {member.key: times.end(member) for member in members}
    chain = [msgspec.structs.replace(foretold(step, ends), expected_end=ends[step.key]) for step in chain]
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


# --- a subtask in words -----------------------------------------------------------------------------------------------


def _told(answer: Why, facts: Facts) -> str:
    by_key = {step.key: step for step in answer.chain}
    path = _path(answer.chain[0], by_key)
    last = path[-1]
    main = next((cause for cause in last.causes if cause.key is None), last.causes[0])
    sentences = [_sentence(path, main)]
    held = [cause for cause in answer.causes if cause.key is None and cause is not main and len(path) > 1]
    sentences += [f"Besides, {cause.words}." for cause in held if cause.code != "dependency"]
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
        sentences.append(advised(main.advice))
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
        return f"It is expected to be done at {iso(answer.expected_end)}."
    if answer.expected_start is None:
        return "When it will start is not known."
    end = "" if answer.expected_end is None else f" and to be done at {iso(answer.expected_end)}"
    return f"It is expected to start at {iso(answer.expected_start)}{end}."


def advised(text: str) -> str:
    """What to do, as a sentence."""
    return f"What to do: {text.rstrip('.')}."
