"""How two runs differ: their subtasks aligned, then plan, inputs, states, results and durations compared. Pure.

Subtasks with one key are the same; of those that are left, one of the same type and generation stands for the other,
in plan order: it was renamed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from engine.answers import words
from engine.answers.report import Top
from engine.model import Json, Task, Value

SHOWN = 20
"""Rows of each list of a difference."""
QUOTED = 200
"""Characters of a value that a difference quotes."""
Pair = tuple["Member", "Member"]


class Member(Value, frozen=True):
    """A subtask of one of the runs. ``inputs`` and ``result`` are hashes, ``result`` "" where there is none."""

    key: str
    type: str
    generation: int
    status: str
    inputs: bytes
    result: str
    seconds: float | None


class Changed(Value, frozen=True):
    """A value that is another one, by its JSON pointer; ``before`` and ``after`` are JSON text, None where absent."""

    path: str
    before: str | None
    after: str | None


class Inputs(msgspec.Struct, frozen=True):
    """A subtask whose input or settings changed, the first few places."""

    key: str
    changes: list[Changed]


class Shape(msgspec.Struct, frozen=True):
    """How the plans differ: keys, edges as (dependency, dependant); the first of each, and how many there are."""

    same: bool
    added: list[str] = []
    removed: list[str] = []
    renamed: list[tuple[str, str]] = []
    retyped: list[tuple[str, str, str]] = []
    edges_added: list[tuple[str, str]] = []
    edges_removed: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    edges_compared: bool = True


class Results(msgspec.Struct, frozen=True):
    """How many outputs are equal, how many differ, and keys of the first that do."""

    equal: int
    different: int
    keys: list[str]


class Duration(msgspec.Struct, frozen=True):
    """A subtask that took another time, in seconds; ``ratio`` is after by before, None when before is 0."""

    key: str
    before: float
    after: float
    ratio: float | None


class Durations(msgspec.Struct, frozen=True):
    """Seconds over the ``count`` subtasks that ran in both, and those whose time changed most."""

    count: int
    before: float
    after: float
    most: list[Duration]


class Diff(msgspec.Struct, frozen=True):
    """How run ``b`` differs from run ``a``."""

    a: Task
    b: Task
    words: str
    shape: Shape
    task: list[Changed]
    inputs: list[Inputs]
    inputs_changed: int
    statuses: list[tuple[str, str, str]]
    statuses_changed: int
    results: Results
    durations: Durations
    cut: bool = False


# --- what is the same subtask ---------------------------------------------------------------------------------------


def align(a: Sequence[Member], b: Sequence[Member]) -> tuple[list[Pair], list[Member], list[Member]]:
    """The pairs, and what is left of either run."""
    by_key = {member.key: member for member in b}
    pairs = [(member, by_key.pop(member.key)) for member in a if member.key in by_key]
    taken = {member.key for member, _ in pairs}
    like: defaultdict[tuple[str, int], deque[Member]] = defaultdict(deque)
    for member in by_key.values():
        like[member.type, member.generation].append(member)
    removed = []
    for member in a:
        if member.key in taken:
            continue
        others = like[member.type, member.generation]
        if others:
            pairs.append((member, others.popleft()))
        else:
            removed.append(member)
    paired = {other.key for _, other in pairs}
    return pairs, removed, [member for member in b if member.key not in paired]


# --- comparisons ----------------------------------------------------------------------------------------------------


def shape(
    pairs: Sequence[Pair],
    removed: Sequence[Member],
    added: Sequence[Member],
    edges: tuple[Iterable[tuple[str, str]], Iterable[tuple[str, str]]] | None,
) -> Shape:
    """How the plans differ; ``edges`` are (dependant, dependency) by key, None when there are too many."""
    renamed = [(one.key, other.key) for one, other in pairs if one.key != other.key]
    retyped = [(one.key, one.type, other.type) for one, other in pairs if one.type != other.type]
    names = dict(renamed)
    before = {(names.get(on, on), names.get(key, key)) for key, on in edges[0]} if edges else set()
    after = {(on, key) for key, on in edges[1]} if edges else set()
    new, gone = sorted(after - before), sorted(before - after)
    counts = {
        "matched": len(pairs),
        "added": len(added),
        "removed": len(removed),
        "renamed": len(renamed),
        "retyped": len(retyped),
        "edges_added": len(new),
        "edges_removed": len(gone),
    }
    return Shape(
        same=not any(number for name, number in counts.items() if name != "matched"),
        added=[member.key for member in added[:SHOWN]],
        removed=[member.key for member in removed[:SHOWN]],
        renamed=renamed[:SHOWN],
        retyped=retyped[:SHOWN],
        edges_added=new[:SHOWN],
        edges_removed=gone[:SHOWN],
        counts=counts,
        edges_compared=edges is not None,
    )


def results(pairs: Sequence[Pair]) -> Results:
    """Whose outputs are equal, by their hashes; what has none in either run says nothing."""
    told = [(one, other) for one, other in pairs if one.result or other.result]
    different = [other.key for one, other in told if one.result != other.result]
    return Results(len(told) - len(different), len(different), different[:SHOWN])


def durations(pairs: Sequence[Pair]) -> Durations:
    """What took longer or shorter."""
    most: Top[Duration] = Top()
    count, before, after = 0, 0.0, 0.0
    for one, other in pairs:
        if one.seconds is None or other.seconds is None:
            continue
        count, before, after = count + 1, before + one.seconds, after + other.seconds
        ratio = round(other.seconds / one.seconds, 3) if one.seconds else None
        if one.seconds != other.seconds:
            most.offer(abs(other.seconds - one.seconds), Duration(other.key, one.seconds, other.seconds, ratio))
    return Durations(count, before, after, most.found())


def statuses(pairs: Sequence[Pair]) -> list[tuple[str, str, str]]:
    """Keys whose state is another one, with both."""
    return [(other.key, one.status, other.status) for one, other in pairs if one.status != other.status]


def changes(before: Json, after: Json, most: int = SHOWN) -> list[Changed]:
    """The first places in which two JSON values differ, the outermost ones."""
    found = []
    for change in _changes(before, after, ""):
        found.append(change)
        if len(found) >= most:
            break
    return found


_ABSENT = object()


def _changes(before: Json, after: Json, path: str) -> Iterator[Changed]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            place = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
            yield from _changes(before.get(name, _ABSENT), after.get(name, _ABSENT), place)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            one, other = (values[index] if index < len(values) else _ABSENT for values in (before, after))
            yield from _changes(one, other, f"{path}/{index}")
    elif type(before) is not type(after) or before != after:
        yield Changed(path, _quoted(before), _quoted(after))


def _quoted(value: object) -> str | None:
    if value is _ABSENT:
        return None
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= QUOTED else text[: QUOTED - 1] + "…"


# --- in words -------------------------------------------------------------------------------------------------------


def told(found: Diff) -> str:
    """The differences in a few sentences."""
    counts, shape = found.shape.counts, found.shape
    sentences = [_relation(found.a, found.b)]
    if shape.same:
        compared = "" if shape.edges_compared else " as far as its subtasks go"
        sentences.append(f"The plan is the same{compared}: {words.counted(counts['matched'], 'subtask')}.")
    else:
        named = ("added", "removed", "renamed", "retyped")
        parts = [f"{counts[name]:,} {name}" for name in named if counts[name]]
        links = counts["edges_added"] + counts["edges_removed"]
        parts += [words.counted(links, "changed dependency", "changed dependencies")] if links else []
        sentences.append(f"The plan differs: {', '.join(parts)}.")
    if found.task:
        sentences.append(f"The task itself differs in {words.listed([change.path for change in found.task])}.")
    if found.inputs_changed:
        keys = [row.key for row in found.inputs]
        sentences.append(
            f"{words.counted(found.inputs_changed, 'input')} changed: {_some(keys, found.inputs_changed)}."
        )
    if found.statuses_changed:
        ends = [f"{key} ({one} → {other})" for key, one, other in found.statuses]
        sentences.append(
            f"{words.counted(found.statuses_changed, 'state')} differ: {_some(ends, found.statuses_changed)}."
        )
    sentences.append(_about_results(found.results))
    sentences.append(_about_time(found))
    if found.cut:
        sentences.append("Only the first subtasks of each were compared.")
    return " ".join(filter(None, sentences))


def _relation(a: Task, b: Task) -> str:
    if b.rerun_of == a.id:
        return f"{b.id} is a rerun of {a.id}."
    return f"{a.id} is {a.status.value}, {b.id} is {b.status.value}."


def _some(names: Sequence[str], number: int, most: int = 3) -> str:
    shown = list(names[:most])
    return words.listed(shown) if number <= len(shown) else f"{', '.join(shown)} and {number - len(shown):,} more"


def _about_results(found: Results) -> str:
    if not found.equal and not found.different:
        return ""
    if not found.different:
        return f"{words.counted(found.equal, 'result')}, all equal."
    return f"{words.counted(found.different, 'result')} differ, first {_some(found.keys, found.different)}."


def _about_time(found: Diff) -> str:
    if not found.durations.count:
        return ""
    before, after = found.durations.before, found.durations.after
    said = f"What ran in both took {words.duration(before)} and {words.duration(after)}"
    if found.durations.most:
        most = found.durations.most[0]
        said += f"; {most.key} changed most, from {words.duration(most.before)} to {words.duration(most.after)}"
    return f"{said}."
