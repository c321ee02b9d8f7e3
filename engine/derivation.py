"""What was derived from some outputs, in whichever task: the walk over provenance, without I/O.

It goes a generation at a time: the addresses of what has been reached, who used these and who took them over, what they
have grown. One address may belong to outputs that have nothing to do with each other (``true``, ``[]``), so an edge
alone does not lead on: a user must have noted the very subtask, and a taker the one that it took over from.

A subtask that grew from another is part of what that one stands for: whoever has used all of it has used this too.

Whoever took over what is recalled by name is recalled too. An output that is only derived calls those who took it over
into question as well, but not one that did so after its own inputs had come out the same: then these decide.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.lineage import Made, Taken


class Walk:
    """One walk. ``reached`` tells of each subtask whether it is recalled itself (named, or taken over from one that is
    reached) or only derived.
    """

    def __init__(self, start: Iterable[str]) -> None:
        self.reached: dict[str, bool] = dict.fromkeys(start, True)
        self.hashes: set[str] = set()
        self.cache_keys: set[str] = set()
        self._start = frozenset(self.reached)
        self._named = set(self.reached)
        self._makers: set[str] = set()
        self._wholes: set[str] = set()
        self._new = list(self.reached)

    def ask(self) -> tuple[list[str], list[str]]:
        """The subtasks reached last, and beside them those that stand for one of these; empty at the end."""
        new, self._new = self._new, []
        wholes = {whole for id_ in new for whole in _above(id_)} - self.reached.keys() - self._wholes
        self._wholes |= wholes
        return new, sorted(wholes)

    def learn(self, made: Iterable[Made]) -> list[str]:
        """Takes in what ``ask`` named; returns the addresses to follow."""
        follow: dict[str, None] = {}
        for found in made:
            follow[found.hash] = None
            if found.id not in self.reached:
                continue
            self.hashes.add(found.hash)
            self._makers.add(found.maker if self.reached[found.id] else found.id)
            if found.id in self._named:
                self._named.add(found.maker)
            if found.cache_key:
                self.cache_keys.add(found.cache_key)
            if found.origin and found.id in self._start:
                self._add(found.origin, recalled=True)
        return list(follow)

    def follow(self, users: Iterable[Taken], takers: Iterable[Taken], children: Iterable[str]) -> None:
        """Goes on to whoever is at the other end."""
        for user in users:
            if any(self._leads(used, user.id) for used in user.consumed):
                self._add(user.id, recalled=False)
        for taker in takers:
            if taker.origin in self._named:
                self._named.add(taker.id)
            elif taker.origin not in self._makers or taker.stands_by_itself:
                continue
            self._add(taker.id, recalled=True)
        for child in children:
            self._add(child, recalled=False)

    def _leads(self, used: str, user: str) -> bool:
        return used in self.reached or (used in self._wholes and not user.startswith(f"{used}."))

    def _add(self, id_: str, *, recalled: bool) -> None:
        if id_ not in self.reached or (recalled and not self.reached[id_]):
            self.reached[id_] = recalled
            self._new.append(id_)


def _above(id_: str) -> Iterable[str]:
    """The subtasks that one grew from, directly or not."""
    while id_.count(".") > 1:
        id_ = id_.rpartition(".")[0]
        yield id_
