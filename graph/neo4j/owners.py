"""Several engines on one Neo4j: signs of life, taking over what is left, and commands to whoever owns a task."""

from __future__ import annotations

from engine.errors import Fenced
from engine.model import OpenTask, Pulse
from engine.ownerstore import Load
from graph.neo4j.fence import FencedWriter

STATEMENTS = frozenset(
    {
        "command/answer",
        "command/collect",
        "command/leave",
        "engine/adopt",
        "engine/alive",
        "engine/hand_over",
        "engine/heartbeat",
        "engine/leave",
        "engine/loads",
    }
)


class OwningWriter(FencedWriter):
    """The writes by which engines divide the tasks of a namespace among themselves."""

    async def heartbeat(self, timeout: int, load: Load | None = None) -> Pulse:
        """Renews the engine's sign of life by the database's clock."""
        told = {"unsettled": None, "room": None} if load is None else {"unsettled": load.unsettled, "room": load.room}
        rows = await self._fenced_write("engine/heartbeat", namespace=self._namespace, timeout=timeout, **told)
        if not rows:
            raise Fenced()
        commands = [(id_, body) for id_, body in rows[0]["commands"]]
        return Pulse(rows[0]["now"], rows[0]["gone"], commands, rows[0]["keys"])

    async def leave(self) -> None:
        """Says that this engine stops in good order."""
        if not await self._fenced_write("engine/leave"):
            raise Fenced()

    async def take_over(self, gone: str, timeout: int, limit: int) -> list[OpenTask]:
        """Makes open tasks of an engine that is gone this one's, and fences that engine."""
        rows = await self._fenced_write("engine/adopt", gone=gone, timeout=timeout, limit=limit)
        if not rows:
            raise Fenced()
        await self._discard(gone)
        return await self.adopt(rows[0]["ids"]) if rows[0]["ids"] else []

    async def hand_over(self, task_id: str, engine: str, command: tuple[str, str], at: int) -> bool:
        """Makes an open task of this engine another's, and tells it so."""
        id_, body = command
        rows = await self._fenced_write(
            "engine/hand_over", task=task_id, to=engine, namespace=self._namespace, id=id_, body=body, at=at
        )
        if not rows:
            raise Fenced()
        return bool(rows[0]["handed"])

    async def loads(self, timeout: int) -> list[tuple[str, Load]]:
        """The engines that take tasks from others."""
        rows = await self._database.read("engine/loads", namespace=self._namespace, timeout=timeout)
        return [(row["id"], Load(row["unsettled"], row["room"])) for row in rows]

    async def alive(self, timeout: int) -> list[str]:
        """The engines that work on this namespace."""
        rows = await self._database.read("engine/alive", namespace=self._namespace, timeout=timeout)
        return [row["id"] for row in rows]

    async def leave_command(self, id_: str, task_id: str, body: str, at: int) -> bool:
        """Leaves a command for whoever owns a task."""
        params = {"id": id_, "namespace": self._namespace, "task": task_id, "body": body, "at": at}
        return bool(await self._database.write("command/leave", **params))

    async def answer(self, command_id: str, answer: str) -> None:
        """Says what became of a command for this engine."""
        await self._database.write("command/answer", engine=self._engine, id=command_id, answer=answer)

    async def collect_answer(self, command_id: str) -> str | None:
        """Takes away the answer to a command."""
        rows = await self._database.write("command/collect", id=command_id)
        return str(rows[0]["answer"]) if rows else None
