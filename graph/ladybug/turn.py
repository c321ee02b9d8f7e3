"""One turn on the embedded graph: several small statements in one transaction, on the writing thread.

The steps are those of ``cypher/neo4j/turn/turn.cypher``, in its order. Whatever goes wrong, the transaction is rolled
back and the frontiers of the tasks involved are dropped, to be rebuilt from the graph.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from engine.errors import Fenced
from engine.model import Effort
from engine.states import SubtaskStatus
from engine.turn import Change, Claim, Move, Settle, TaskChanges, Turn, TurnResult, Undecided
from graph import codec, history, turns
from graph.ladybug.connection import Session
from graph.ladybug.frontier import TaskFrontier

READY = SubtaskStatus.READY.value
PENDING = SubtaskStatus.PENDING.value
PROCESSING = SubtaskStatus.PROCESSING.value
APPROVAL = SubtaskStatus.AWAITING_APPROVAL

Crossings = defaultdict[str, list[tuple[str, int, int, int]]]
"""By task: (id, met, bad, skips) of subtasks that were settled, or came back from it."""


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
        self._crossed: Crossings = defaultdict(list)
        self._undecided: dict[str, Undecided] = {}
        self._held: list[tuple[str, str]] = []

    def run(self, epoch: int) -> TurnResult:
        """The whole turn, inside the transaction that ``session`` is in."""
        if not self._session.run("turn/fence", engine=self._engine, epoch=epoch, turn=self._turn.id):
            raise Fenced()
        self._settle()
        self._move()
        self._unlock()
        claims = self._claim()
        return TurnResult(self._record(), claims, list(self._undecided.values()), self._held)

    def _settle(self) -> None:
        if not self._turn.settle:
            return
        rows = [[settle.id, str(settle.token), settle.to.value] for settle in self._turn.settle]
        wanted = {settle.id: settle for settle in self._turn.settle}
        settled = self._session.run("turn/settle", rows=rows, now=self._turn.now)
        ended = [wanted[row["id"]] for row in settled]
        attempts = [_attempt(settle) for settle in ended if not _is_marked(settle)]
        if attempts:
            self._session.run("turn/attempt", rows=attempts, namespace=self._namespace, ran_on=self._engine)
        marked = [_marked(settle) for settle in ended if _is_marked(settle)]
        if marked:
            self._session.run("turn/marked", rows=marked, namespace=self._namespace, ran_on=self._engine)
        efforts = [_effort(settle, settle.effort) for settle in ended if settle.effort]
        if efforts:
            self._session.run("turn/effort", rows=efforts)
        self._note([note for settle in ended if (note := _settle_note(settle))])
        for row in settled:
            settle = wanted[row["id"]]
            self._changes[row["task_id"]].append(turns.settle_change(settle))
            met, bad = turns.settle_counts(settle)
            if met:
                self._crossed[row["task_id"]].append((row["id"], met, bad, 0))
            elif row["status"] == READY:
                self._push(row)

    def _move(self) -> None:
        if not self._turn.moves:
            return
        wanted = {(move.id, move.source.value): move for move in self._turn.moves}
        rows = [_move_row(move) for move in wanted.values()]
        moved = self._session.run("turn/move", rows=rows, now=self._turn.now)
        self._note([note for row in moved if (note := _move_note(wanted[row["id"], row["source"]]))])
        for row in moved:
            move = wanted[row["id"], row["source"]]
            self._changes[row["task_id"]].append(turns.move_change(move))
            counts = turns.move_counts(move)
            if any(counts):
                self._crossed[row["task_id"]].append((row["id"], *counts))
            if row["status"] == READY:
                self._push(row)
            elif move.source is SubtaskStatus.READY:
                self._frontiers[row["task_id"]].drop(row["id"])
            elif row["status"] == PENDING and row["unmet"] == 0:
                self._undecided[row["id"]] = codec.undecided(row)

    def _note(self, rows: list[list[str]]) -> None:
        if rows:
            self._session.run("turn/note", rows=rows)

    def _unlock(self) -> None:
        rows = [
            [dependant, str(met), str(bad), str(skips)]
            for task_id, crossed in self._crossed.items()
            for dependant, met, bad, skips in self._frontiers[task_id].lowered(crossed)
        ]
        if not rows:
            return
        for row in self._session.run("turn/unlock", rows=rows, now=self._turn.now):
            self._undecided.pop(row["id"], None)
            if row["unmet"] > 0:
                continue
            if row["status"] == READY and row["waited"]:
                change = Change(row["id"], row["key"], "dependencies_settled", PENDING, READY)
                self._changes[row["task_id"]].append(change)
                self._push(row)
            elif row["status"] == PENDING:
                self._undecided[row["id"]] = codec.undecided(row)

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
            change = Change(claim.id, claim.key, "claim", READY, PROCESSING, claim.token)
            self._changes[claim.task_id].append(change)
        return claims

    def _record(self) -> list[TaskChanges]:
        recorded = []
        for task_id, changes in self._changes.items():
            first = self._turn.sequences[task_id] + 1
            self._session.run(
                "turn/event",
                key=history.event_key(task_id, first),
                namespace=self._namespace,
                task_id=task_id,
                turn=self._turn.id,
                first=first,
                last=first + len(changes) - 1,
                at=self._turn.now,
                changes=[history.change_text(change) for change in changes],
            )
            recorded.append(TaskChanges(task_id, first, changes))
        return recorded


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
        settle.version,
        settle.cache_key,
        ",".join(settle.consumed),
        settle.origin,
    ]


def _is_marked(settle: Settle) -> bool:
    return bool(settle.request or settle.tainted or settle.agent_id)


def _marked(settle: Settle) -> list[str]:
    return [*_attempt(settle), settle.request, "true" if settle.tainted else "", settle.agent_id]


def _effort(settle: Settle, effort: Effort) -> list[str]:
    values = (effort.memory_bytes, effort.cpu_seconds, effort.saved_seconds, effort.saved_cost)
    return [codec.attempt_id(settle.id, settle.token), *("" if value is None else repr(value) for value in values)]


def _settle_note(settle: Settle) -> list[str] | None:
    """What ``turn/note`` is to write for an ended attempt; most have nothing."""
    if settle.to is SubtaskStatus.COMPLETED:
        return None
    values = (settle.wake_at, settle.spent, settle.interrupted, settle.fell_back)
    if settle.reason == "" and values == (None, None, None, None):
        return None
    return [settle.id, *("" if value is None else str(value).lower() for value in values), settle.reason, ""]


def _move_row(move: Move) -> list[str]:
    return [move.id, move.source.value, move.to.value, "1" if move.settled else "", move.error or ""]


def _move_note(move: Move) -> list[str] | None:
    if move.fresh is None:
        return [move.id, "", "", "", "", move.reason, ""] if move.reason or move.source is APPROVAL else None
    return [move.id, "", "0", "0", "false", move.reason, str(move.fresh)]
