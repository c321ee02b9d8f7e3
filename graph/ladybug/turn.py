"""One turn on the embedded graph: several small statements in one transaction, on the writing thread.

The steps are those of ``cypher/neo4j/turn/turn.cypher``, in its order. Whatever goes wrong, the transaction is rolled
back and the frontiers of the tasks involved are dropped, to be rebuilt from the graph.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from engine.errors import Fenced
from engine.model import Change, Claim, Settle, TaskChanges, Turn, TurnResult
from engine.states import SubtaskStatus
from graph import codec
from graph.ladybug.connection import Session
from graph.ladybug.frontier import TaskFrontier

READY = SubtaskStatus.READY.value
COMPLETED = SubtaskStatus.COMPLETED.value
PROCESSING = SubtaskStatus.PROCESSING.value


class TurnWriter:
    """Carries one ``Turn`` out. Used once."""

    def __init__(
        self, session: Session, turn: Turn, frontiers: dict[str, TaskFrontier], engine: str, namespace: str
    ) -> None:
        self._session = session
        self._turn = turn
        self._frontiers = frontiers
        self._engine = engine
        self._namespace = namespace
        self._changes: defaultdict[str, list[Change]] = defaultdict(list)
        self._undecided: list[tuple[str, str]] = []
        self._held: list[tuple[str, str]] = []

    def run(self, epoch: int) -> TurnResult:
        """The whole turn, inside the transaction that ``session`` is in."""
        if not self._session.run("turn/fence", engine=self._engine, epoch=epoch, turn=self._turn.id):
            raise Fenced()
        over = self._settle()
        self._decide(over)
        self._unlock(over)
        claims = self._claim()
        return TurnResult(self._record(), claims, self._undecided, self._held)

    def _settle(self) -> defaultdict[str, dict[str, bool]]:
        """Settles attempts; returns by task which subtasks are over now, and whether with success."""
        over: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        if not self._turn.settle:
            return over
        rows = [[settle.id, str(settle.token), settle.to.value] for settle in self._turn.settle]
        wanted = {settle.id: settle for settle in self._turn.settle}
        settled = self._session.run("turn/settle", rows=rows, now=self._turn.now)
        attempts = [self._attempt(wanted[row["id"]]) for row in settled]
        if attempts:
            self._session.run("turn/attempt", rows=attempts, namespace=self._namespace, ran_on=self._engine)
        for row in settled:
            self._changes[row["task_id"]].append(Change(row["id"], row["key"], row["status"], row["token"]))
            if row["status"] == READY:
                self._push(row)
            else:
                over[row["task_id"]][row["id"]] = row["status"] == COMPLETED
        return over

    @staticmethod
    def _attempt(settle: Settle) -> list[str]:
        return [
            settle.id,
            codec.attempt_id(settle.id, settle.token),
            str(settle.token),
            settle.outcome,
            str(settle.started_at),
            str(settle.finished_at),
            settle.output or "",
            settle.output_hash or "",
            str(settle.output_bytes),
            settle.error or "",
        ]

    def _decide(self, over: defaultdict[str, dict[str, bool]]) -> None:
        if not self._turn.decide:
            return
        rows = [[decide.id, decide.to.value, decide.error or ""] for decide in self._turn.decide]
        for row in self._session.run("turn/decide", rows=rows, now=self._turn.now):
            self._changes[row["task_id"]].append(Change(row["id"], row["key"], row["status"]))
            if row["status"] == READY:
                self._push(row)
            else:
                over[row["task_id"]][row["id"]] = False

    def _unlock(self, over: defaultdict[str, dict[str, bool]]) -> None:
        rows = [
            [dependant, str(met), str(bad)]
            for task_id, settled in over.items()
            for dependant, met, bad in self._frontiers[task_id].lowered(settled)
        ]
        if not rows:
            return
        for row in self._session.run("turn/unlock", rows=rows, now=self._turn.now):
            if row["unmet"] > 0:
                continue
            if row["status"] == READY:
                self._changes[row["task_id"]].append(Change(row["id"], row["key"], READY))
                self._push(row)
            elif row["status"] == SubtaskStatus.PENDING.value:
                self._undecided.append((row["task_id"], row["id"]))

    def _push(self, row: dict[str, Any]) -> None:
        self._frontiers[row["task_id"]].push((row["order_key"], row["id"], row["type"]))

    def _claim(self) -> list[Claim]:
        for reopen in self._turn.reopen:
            self._frontiers[reopen.task_id].reopen(reopen.type, reopen.count)
        free = dict(self._turn.type_free)
        ids: list[str] = []
        for wish in self._turn.claims:
            taken, held = self._frontiers[wish.task_id].take(wish.count, free)
            ids += taken
            self._held += [(wish.task_id, type_) for type_ in held]
        if not ids:
            return []
        claims = [Claim(**row) for row in self._session.run("turn/claim", ids=ids, now=self._turn.now)]
        for claim in claims:
            self._changes[claim.task_id].append(Change(claim.id, claim.key, PROCESSING, claim.token))
        return claims

    def _record(self) -> list[TaskChanges]:
        recorded = []
        for task_id, changes in self._changes.items():
            first = self._turn.sequences[task_id] + 1
            self._session.run(
                "turn/event",
                key=codec.event_key(task_id, first),
                namespace=self._namespace,
                task_id=task_id,
                turn=self._turn.id,
                first=first,
                last=first + len(changes) - 1,
                at=self._turn.now,
                changes=[f"{change.status} {change.token} {change.id} {change.key}" for change in changes],
            )
            recorded.append(TaskChanges(task_id, first, changes))
        return recorded
