"""Which outputs of an open task hold something from outside, in the memory of its engine.

An attempt is tainted where its tool takes something in from outside, or its input held the output of a tainted one, and
no person has looked at that input. The mark is stored with the attempt; here is what the attempts that come next need
to know of it, at the cost of a look into a set, and of nothing where nothing is tainted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.plan.spec import Place, Refs, Spec, place_id

GROWN_FROM = "the list or plan it grew from"
FOLLOWED = "the item that it follows"


class Marks:
    """The tainted subtasks of one task, by id."""

    __slots__ = ("_above", "_own")

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._own: set[str] = set()
        self._above: Counter[str] = Counter()
        for id_ in ids:
            self.note(id_, tainted=True)

    def __bool__(self) -> bool:
        return bool(self._own)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._own

    def note(self, id_: str, *, tainted: bool) -> None:
        """The last attempt of a subtask was tainted, or was not."""
        if tainted is (id_ in self._own):
            return
        (self._own.add if tainted else self._own.discard)(id_)
        while id_.count(".") > 1:  # whoever takes the output of a map takes that of its items
            id_ = id_.rpartition(".")[0]
            self._above[id_] += 1 if tainted else -1

    def reaching(self, task_id: str, id_: str, spec: Spec) -> list[str]:
        """What tainted outputs the input of a subtask holds, as keys; its spec is that of what runs."""
        if not self._own:
            return []
        found = [GROWN_FROM] if id_.count(".") > 1 and id_.rpartition(".")[0] in self._own else []
        found += [key for key, place, mapped in places_of(spec) if self._taints(place_id(task_id, place), mapped)]
        if any(self._taints(place_id(task_id, place)) for place in spec.upstream):
            found.append(FOLLOWED)
        return list(dict.fromkeys(found))

    def _taints(self, id_: str, mapped: bool = False) -> bool:
        """The output of a map is that of its items, so its own attempt, which has made these, does not count."""
        return self._above[id_] > 0 or (id_ in self._own and not mapped)


def places_of(spec: Spec) -> Iterator[tuple[str, Place, bool]]:
    """(key, place, whether it is mapped) of every subtask whose output, state or error a spec refers to; of a map also
    what it goes over.
    """
    yield from _places(spec.refs)
    if spec.map is not None:
        yield from _places(spec.map.refs)


def _places(refs: Refs | None) -> Iterator[tuple[str, Place, bool]]:
    if refs is None:
        return
    yield from refs.previous
    for key, (place, mapped) in refs.keys.items():
        yield key, place, mapped
