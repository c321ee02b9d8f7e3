"""The graph port on the embedded database. What it shares with Neo4j is in ``graph.reader`` and ``graph.writer``."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import Fenced, GraphExhausted
from engine.model import (
    Finish,
    Growth,
    Json,
    Late,
    NewResult,
    NewTask,
    OpenTask,
    Pause,
    Progress,
    Pulse,
    Rank,
    Reported,
)
from engine.ownerstore import Load
from engine.queries.asking import Bounds, SavedQuery, Table
from engine.states import SubtaskStatus, TaskStatus
from engine.turn import Change, Claim, TaskChanges, Turn, TurnResult
from graph import answers, archive, codec, history, reader, writer
from graph import removal as graph_removal
from graph.ladybug import answers as ladybug_answers
from graph.ladybug import loading, provenance, reads, removal, schema
from graph.ladybug.archive import LadybugArchive
from graph.ladybug.asking import UNSAFE_FUNCTIONS
from graph.ladybug.caching import LadybugEntries
from graph.ladybug.callbacks import LadybugCallbacks
from graph.ladybug.connection import LadybugDatabase, Session
from graph.ladybug.faults import PoolFull
from graph.ladybug.frontier import TaskFrontier
from graph.ladybug.provenance import LadybugLineage
from graph.ladybug.reads import LadybugReads
from graph.ladybug.removal import LadybugRemover
from graph.ladybug.turn import TurnWriter
from graph.saved import saved_queries
from graph.writer import Writer

FILE = "graph.lbug"

OWN_STATEMENTS = {
    "subtask/adjacency",
    "subtask/attach",
    "subtask/attach_rows",
    "subtask/awaited",
    "subtask/cancel",
    "subtask/copy_edges",
    "subtask/create",
    "subtask/current",
    "subtask/derive",
    "subtask/frontier",
    "subtask/items",
    "subtask/joins",
    "subtask/link",
    "subtask/lower",
    "subtask/raise",
    "subtask/remove",
    "result/keep",
    "result/keep_of_task",
    "subtask/walk",
    "task/create",
    "task/open",
    "task/relate",
    "task/take_over",
    "request/put",
    "turn/attempt",
    "turn/claim",
    "turn/effort",
    "turn/event",
    "turn/fence",
    "turn/move",
    "turn/note",
    "turn/marked",
    "turn/settle",
    "turn/taint",
    "turn/unlock",
}
STATEMENTS = (
    reader.STATEMENTS
    | answers.STATEMENTS
    | writer.STATEMENTS
    | graph_removal.STATEMENTS
    | archive.STATEMENTS
    | schema.STATEMENTS
    | provenance.STATEMENTS
    | removal.STATEMENTS
    | ladybug_answers.STATEMENTS
    | reads.STATEMENTS
    | OWN_STATEMENTS
) - {
    "subtask/release_holds",
    "task/recount",
}


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class LadybugGraph(
    LadybugEntries, LadybugCallbacks, LadybugRemover, LadybugLineage, LadybugReads, LadybugArchive, Writer
):
    """One namespace of an embedded graph, as its one engine sees it.

    Args:
        path: folder of the database file.
        namespace: filters lists; on every node.
        buffer_mb: page cache, MiB.
    """

    kind = "embedded"
    unsafe_functions = UNSAFE_FUNCTIONS

    def __init__(self, path: Path, namespace: str, buffer_mb: int = 512) -> None:
        database = LadybugDatabase(path / FILE, buffer_mb, STATEMENTS)
        self.location = str(path / FILE)
        LadybugReads.__init__(self, database, namespace)
        Writer.__init__(self, database, namespace)

    async def open(self) -> None:
        """Opens or creates the file and its tables."""
        await self._ladybug.open()
        await schema.apply(self._ladybug)

    async def close(self) -> None:
        """Closes the file."""
        await self._ladybug.close()

    def saved_queries(self) -> list[SavedQuery]:
        """Our own queries, by name."""
        return saved_queries("ladybug")

    async def ask(self, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        """Runs a query of a person's beside everything else; see ``Asker.ask``."""
        return await self._ladybug.ask(text, parameters, bounds)

    async def ping(self) -> None:
        """Raises ``GraphUnavailable`` when the file cannot be read, or its disk is full."""
        await self._ladybug.ping()

    async def heartbeat(self, timeout: int, load: Load | None = None) -> Pulse:  # noqa: ARG002
        """Renews the engine's sign of life; the time is the host's, and there is no other engine."""
        rows = await self._ladybug.write("engine/heartbeat", now=_milliseconds(), **self._fence)
        if not rows:
            raise Fenced()
        return Pulse(int(rows[0]["now"]))

    async def leave(self) -> None:
        """Nothing to say: whoever opens the file next owns what is in it."""

    async def take_over(self, gone: str, timeout: int, limit: int) -> list[OpenTask]:  # noqa: ARG002
        """Nothing: ``adopt`` has taken all there is."""
        return []

    async def hand_over(self, task_id: str, engine: str, command: tuple[str, str], at: int) -> bool:  # noqa: ARG002
        """Never: there is no other engine."""
        return False

    async def loads(self, timeout: int) -> list[tuple[str, Load]]:  # noqa: ARG002
        """None: there is no other engine."""
        return []

    async def alive(self, timeout: int) -> list[str]:  # noqa: ARG002
        """None: whoever can ask holds the file."""
        return []

    async def leave_command(self, id_: str, task_id: str, body: str, at: int) -> bool:  # noqa: ARG002
        """Never: every open task is this engine's own."""
        return False

    async def answer(self, command_id: str, answer: str) -> None:
        """Nothing to answer."""

    async def collect_answer(self, command_id: str) -> str | None:  # noqa: ARG002
        """No answer."""
        return None

    async def put_results(self, results: Sequence[NewResult]) -> None:
        """Stores Results, and who keeps them."""
        rows = writer.result_rows(results)
        holders = [[result.holder, result.hash] for result in results]
        subtasks = [holder for holder in holders if "." in holder[0]]
        tasks = [holder for holder in holders if "." not in holder[0]]

        def work(session: Session) -> None:
            session.run("result/put", results=rows, namespace=self._namespace, now=_milliseconds())
            if subtasks:
                session.run("result/keep", rows=subtasks)
            if tasks:
                session.run("result/keep_of_task", rows=tasks)

        if rows:
            await self._ladybug.transaction(work)

    async def store(self, task: NewTask) -> None:
        """Writes a whole task: all of it becomes visible at once, or nothing."""
        small = len(task.subtasks) <= loading.WHOLE and len(task.edges) <= 4 * loading.WHOLE
        whole = small and task.rerun_of is None
        place = (self._engine, self._epoch, self._namespace)
        if whole:
            await self._ladybug.transaction(lambda session: loading.store_whole(session, task, *place))
        else:
            await self._ladybug.transaction(
                lambda session: loading.announce(session, task, self._engine, self._namespace)
            )
            try:
                await loading.store_in_batches(self._ladybug, task, *place)
            except BaseException:
                await self._remove(task.id)
                raise
        ready = [
            (f"{task.id}|{subtask.order_key}", subtask.id, subtask.type)
            for subtask in task.subtasks
            if subtask.status is SubtaskStatus.READY
        ]
        self._frontiers.begin(task.id, TaskFrontier(task.edges, ready))

    async def turn(self, turn: Turn) -> TurnResult:
        """Settles, decides, unlocks, claims and records, in one transaction."""
        try:
            return await self._turn(turn)
        except PoolFull:
            return await self._turn(turn)

    async def _turn(self, turn: Turn) -> TurnResult:
        def work(session: Session) -> TurnResult:
            frontiers = {task_id: self._frontiers.of(session, task_id) for task_id in turn.sequences}
            return TurnWriter(session, turn, frontiers, self._engine, self._namespace).run(self._epoch)

        try:
            # Not to be repeated as it is: the frontiers have moved on, and have to be read again.
            return await self._ladybug.transaction(work, repeat=False)
        except BaseException:
            for task_id in turn.sequences:
                self._frontiers.drop(task_id)
            raise

    async def read_back(self, turn: Turn) -> TurnResult | None:
        """A turn here either raised and was rolled back, or its result arrived."""
        rows = await self._ladybug.write("engine/last_turn", **self._fence)
        if not rows:
            raise Fenced()
        if rows[0]["turn"] == turn.id:
            raise GraphExhausted(
                "a turn was recorded whose commit had failed: restart the engine, which reads it again"
            )
        return None

    async def expand(self, parent: Claim, growth: Growth) -> int:
        """Adds what a subtask grows, in batches; its settlement lets it run."""
        joins = [row["id"] for row in await self._ladybug.write("subtask/joins", parent=parent.id)]

        def remove(session: Session) -> int:
            self._frontiers.drop(parent.task_id)
            return loading.remove_children(session, parent, joins)

        def add(session: Session, batch: codec.Batch) -> None:
            edges = loading.add_children(session, parent, batch, growth, joins, self._namespace)
            self._frontiers.link(parent.task_id, edges)

        try:
            dropped = await self._fenced(remove) if parent.token > 1 else 0
            for batch in codec.growth_batches(growth, loading.ITEM_BATCH):
                await self._fenced(lambda session, batch=batch: add(session, batch))  # type: ignore[misc]
        except BaseException:
            self._frontiers.drop(parent.task_id)
            raise
        return dropped

    async def progress(self, rows: Sequence[Progress], at: int) -> None:
        """Writes the counts by status of running tasks."""
        params = writer.progress_rows(rows)
        await self._fenced(lambda session: session.run("task/progress", rows=params, at=at, engine=self._engine))

    async def close_gate(self, task_id: str, gate: str, detail: str, at: int) -> bool:
        """Marks an open task: nothing of it is claimed from here on."""
        params = {"id": task_id, "gate": gate, "detail": detail, "at": at, "engine": self._engine}
        return bool(await self._fenced(lambda session: session.run("task/close_gate", **params)))

    async def pause(self, task_id: str, pause: Pause, at: int, number: int) -> bool:
        """Lets an open task stand still."""
        event = history.paused_event(task_id, pause, at, number, self._namespace)
        params = {"id": task_id, "by": pause.by, "until": pause.until, "on_timeout": pause.then, "at": at}
        return await self._told("task/pause", event, params)

    async def resume(self, task_id: str, status: TaskStatus, by: str, at: int, number: int) -> bool:
        """Lets a task that stands still go on."""
        event = history.task_event(task_id, number, "resume", status.value, at, self._namespace, by)
        return await self._told("task/resume", event, {"id": task_id, "status": status.value, "at": at})

    async def _told(self, name: str, event: dict[str, Any], params: dict[str, Any]) -> bool:
        """A write to one task that returns a row when it took effect, and then its event."""

        def work(session: Session) -> bool:
            done = bool(session.run(name, engine=self._engine, **params))
            if done:
                session.run("turn/event", **event)
            return done

        return await self._fenced(work)

    async def reorder(self, ranks: Sequence[Rank]) -> int:
        """Gives waiting subtasks another place in the order of their task, in the graph and in the frontier."""
        wanted = {rank.id: codec.rank_row(rank) for rank in ranks}
        rows = [["" if value is None else str(value) for value in row] for row in wanted.values()]
        tasks = {id_.partition(".")[0] for id_ in wanted}

        def work(session: Session) -> int:
            moved = {row["id"]: wanted[row["id"]][-1] for row in session.run("subtask/reorder", rows=rows)}
            for task_id in tasks:
                self._frontiers.reorder(task_id, moved)
            return len(moved)

        try:
            return await self._fenced(work)
        except BaseException:
            for task_id in tasks:
                self._frontiers.drop(task_id)
            raise

    async def late(self, rows: Sequence[Late], at: int) -> list[str]:
        """Says of open tasks that they are late, once."""

        def work(session: Session) -> list[str]:
            told = []
            for row in rows:
                if session.run("task/late", id=row.task_id, engine=self._engine, at=at):
                    session.run("turn/event", **codec.late_row(row, at, self._namespace)["event"])
                    told.append(row.task_id)
            return told

        return await self._fenced(work)

    async def report(self, row: Reported, at: int) -> bool:
        """Writes a report of an open task as an event of it."""

        def work(session: Session) -> bool:
            if not session.run("task/report", id=row.task_id, engine=self._engine):
                return False
            session.run("turn/event", **codec.report_event(row, at, self._namespace))
            return True

        return await self._fenced(work)

    async def finish(self, ends: Sequence[Finish]) -> list[str]:
        """Ends open tasks; returns the ids that really ended here."""

        def work(session: Session) -> list[str]:
            ended = []
            for end in ends:
                row = codec.finish_row(end, self._namespace)
                event = row.pop("event")
                if session.run("task/finish", engine=self._engine, **row):
                    session.run("turn/event", **event)
                    ended.append(end.task_id)
            return ended

        return await self._fenced(work)

    async def cancel(self, task_id: str, at: int, event: int, after: str, limit: int) -> tuple[TaskChanges, str | None]:
        """Cancels what waits among the next ``limit`` subtasks after an id."""

        def work(session: Session) -> tuple[TaskChanges, str | None]:
            walked = session.run("subtask/walk", task=task_id, after=after, limit=limit)
            ids = [row["id"] for row in walked]
            before = {row["id"]: row["status"] for row in walked}
            cancelled = session.run("subtask/cancel", ids=ids, at=at) if ids else []
            changes = [
                Change(row["id"], row["key"], "cancel", before[row["id"]], SubtaskStatus.CANCELLED.value)
                for row in cancelled
            ]
            if changes:
                session.run(
                    "turn/event",
                    key=history.event_key(task_id, event),
                    namespace=self._namespace,
                    task_id=task_id,
                    turn="",
                    first=event,
                    last=event + len(changes) - 1,
                    at=at,
                    changes=[history.change_text(change) for change in changes],
                )
            return TaskChanges(task_id, event, changes), ids[-1] if len(ids) == limit else None

        return await self._fenced(work)

    async def adopt(self, ids: Collection[str] | None = None) -> list[OpenTask]:
        """The open tasks of this namespace, oldest first: whoever holds the file owns them all."""
        await self._fenced(
            lambda session: session.run("task/take_over", engine=self._engine, namespace=self._namespace)
        )
        rows = await self._ladybug.write("task/open_owned", engine=self._engine)
        return [await self.recount(row["t"]["id"]) for row in rows if ids is None or row["t"]["id"] in ids]

    async def forget(self, task_id: str) -> None:
        """Drops the frontier of a task that has ended."""
        self._frontiers.drop(task_id)
