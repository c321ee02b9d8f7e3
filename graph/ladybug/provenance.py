"""Provenance on the embedded graph.

Only a single key is looked up by an index inside a pattern here, a list of keys scans the edges: so a few are asked for
one by one. Creating an edge takes half the time of ``MERGE``: what is surely new is created.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.lineage import Made, Taken, Use
from engine.states import SubtaskStatus
from graph import codec, provenance
from graph.ladybug.connection import LadybugDatabase, Session
from graph.provenance import Lineage, by_hash

FEW = 16
"""Keys up to which it is quicker to ask for one after the other."""

STATEMENTS = provenance.SHARED | {
    "attempt/latest",
    "provenance/children_of",
    "provenance/consume",
    "provenance/consume_anew",
    "provenance/known",
    "provenance/produce",
    "provenance/produce_anew",
    "provenance/produced",
    "provenance/takers_of",
    "provenance/users_of",
    "result/keep",
    "subtask/outputs",
}


class LadybugLineage(Lineage):
    """The provenance of one namespace of an embedded graph."""

    _ladybug: LadybugDatabase

    async def link(self, made: Sequence[Made], uses: Sequence[Use]) -> None:
        """Writes edges from attempts to what they made and to what they used."""

        def work(session: Session) -> None:
            _link_made(session, by_hash(made), self._namespace)
            for name, sure in (("provenance/consume", True), ("provenance/consume_anew", False)):
                rows = [[codec.attempt_id(row.id, row.token), row.hash] for row in uses if row.sure is sure]
                if rows:
                    session.run(name, rows=rows)

        await self._ladybug.transaction(work)

    async def made(self, ids: Sequence[str]) -> list[Made]:
        """The current outputs of subtasks that have one."""
        if not ids:
            return []
        rows = [
            {"id": row["id"], "token": row["token"], "attempt": codec.attempt_id(row["id"], row["token"])}
            for row in await self._ladybug.read("subtask/outputs", ids=list(ids))
            if row["token"] and row["status"] == SubtaskStatus.COMPLETED.value
        ]
        found = await self._ladybug.read("attempt/latest", rows=rows) if rows else []
        return [provenance.made_of(row["id"], row["a"]) for row in found if row["a"]["output_hash"]]

    async def users(self, hashes: Sequence[str]) -> list[Taken]:
        """The attempts that had one of these Results in their input."""
        if len(hashes) > FEW:
            return await super().users(hashes)
        return await self._one_by_one("provenance/users_of", hashes)

    async def takers(self, hashes: Sequence[str]) -> list[Taken]:
        """The attempts that took one of these Results over."""
        if len(hashes) > FEW:
            return await super().takers(hashes)
        return await self._one_by_one("provenance/takers_of", hashes)

    async def children(self, ids: Sequence[str]) -> list[str]:
        """The ids of what these subtasks have grown."""
        if len(ids) > FEW:
            return await super().children(ids)
        rows = [row for id_ in ids for row in await self._ladybug.read("provenance/children_of", id=id_)]
        return [row["id"] for row in rows]

    async def _one_by_one(self, name: str, hashes: Sequence[str]) -> list[Taken]:
        rows = [row for hash_ in hashes for row in await self._ladybug.read(name, hash=hash_)]
        return [provenance.taken(row) for row in rows]


def _link_made(session: Session, made: Sequence[Made], namespace: str) -> None:
    if not made:
        return
    there = {row["hash"] for row in session.run("provenance/known", hashes=list({row.hash for row in made}))}
    left = _store_new(session, made, there, namespace)
    if left:
        session.run("result/keep", rows=[[row.id, row.hash] for row in left])
    for name, sure in (("provenance/produce", True), ("provenance/produce_anew", False)):
        rows = [[codec.attempt_id(row.id, row.token), row.hash] for row in left if row.sure is sure]
        if rows:
            session.run(name, rows=rows)


def _store_new(session: Session, made: Sequence[Made], there: set[str], namespace: str) -> list[Made]:
    """Stores the Results that are not ``there`` with the first attempt that gave each; returns the other attempts. One
    whose subtask has been removed meanwhile stores nothing: then the next one does.
    """
    now = time.time_ns() // 1_000_000
    left: list[Made] = []
    while made:
        new: dict[str, Made] = {}
        others: list[Made] = []
        for row in made:
            if row.hash in there:
                left.append(row)
            elif row.output is not None:
                others.append(row) if row.hash in new else new.setdefault(row.hash, row)
        rows = [
            [row.id, codec.attempt_id(row.id, row.token), row.hash, str(row.bytes), row.output or ""]
            for row in new.values()
        ]
        if rows:
            there.update(
                row["hash"] for row in session.run("provenance/produced", rows=rows, namespace=namespace, now=now)
            )
        made = others
    return left
