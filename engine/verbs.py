"""The verbs of the engine's facade: what a person or a program may ask of an open task, wherever it runs."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.command import Carried, Command
from engine.control import Control, within
from engine.dispatch import Dispatch
from engine.errors import Conflict, Moved
from engine.inquiries import Inquiries
from engine.model import Json, Task
from engine.secrets.literals import refuse_secrets
from engine.secrets.vault import Vault
from engine.states import FINAL, TaskStatus, task_verbs

VERB_SECONDS = 5.0
"""How long a caller waits for a verb to take effect; it goes on after that."""


class Verbs(Inquiries):
    """Each verb is a ``Command``: carried out here, or by the engine that owns the task."""

    _control: Control
    _dispatch: Dispatch
    vault: Vault

    async def cancel(self, task_id: str, by: str = "") -> Task:
        """Stops a task: nothing new starts, what runs is stopped for real, the rest is cancelled.

        Waits up to five seconds for it to be final; a large one takes longer, and its ``gate`` says "cancelling". A
        cancelled task stays as it is; another final state raises ``Conflict``.
        """
        return (await self.command(Command("cancel", task_id, by=by))).task

    async def pause(
        self,
        task_id: str,
        mode: Literal["drain", "now"] = "drain",
        *,
        timeout_seconds: float | None = None,
        on_timeout: Literal["resume", "cancel"] = "resume",
        by: str = "",
    ) -> Task:
        """Nothing new of a task starts; with ``now`` what runs is stopped and put back. Raises ``Conflict``."""
        wanted = Command("pause", task_id, by=by, mode=mode, timeout_seconds=timeout_seconds, on_timeout=on_timeout)
        return (await self.command(wanted)).task

    async def resume(self, task_id: str, by: str = "") -> Task:
        """Lets a paused task go on. Raises ``Conflict``."""
        return (await self.command(Command("resume", task_id, by=by))).task

    async def retry(self, task_id: str, key: str, by: str = "") -> Task:
        """Runs a failed or quarantined subtask of an open task once more. Raises ``Conflict``, ``NotFound``."""
        return (await self.command(Command("retry", task_id, key, by))).task

    async def skip(self, task_id: str, key: str, by: str = "") -> Task:
        """Abandons a subtask of an open task. Raises ``Conflict``, ``NotFound``."""
        return (await self.command(Command("skip", task_id, key, by))).task

    async def approve(
        self, task_id: str, key: str, by: str = "", comment: str = "", input: Json = msgspec.UNSET
    ) -> Task:
        """Lets a subtask run that waits for a person; the fields of ``input`` are put into its input.

        Raises ``Conflict`` (also when it was decided already, or too late), ``Forbidden``, ``InvalidInput``,
        ``NotFound``.
        """
        return (await self.command(Command("approve", task_id, key, by, comment, input=input))).task

    async def reject(self, task_id: str, key: str, by: str = "", comment: str = "") -> Task:
        """Fails a subtask that waits for a person. Raises as ``approve`` does."""
        return (await self.command(Command("reject", task_id, key, by, comment))).task

    async def command(self, command: Command) -> Carried:
        """Has a command carried out by whichever engine owns the task; waits up to five seconds for it.

        A command whose goal is already the state changes nothing. Raises ``Conflict``, ``NotFound``,
        ``GraphUnavailable``.
        """
        if command.comment:
            command = msgspec.structs.replace(command, comment=self.vault.text(command.comment))
        if command.input is not msgspec.UNSET:
            refuse_secrets("/input", command.input, self.vault.written)
        applied = await self._carry_out(command)
        if applied is None:
            applied = await self._dispatch.ask(command)
        task = await self.task(command.task_id)
        if applied is None:  # it has ended meanwhile
            self._refuse_final(task, command)
        return Carried(task, applied is not False)

    async def _carry_out(self, command: Command) -> bool | None:
        """Carries a command out here: whether it was done in five seconds; None when another engine has the task."""
        live = self._ledger.tasks.get(command.task_id)  # before the graph is read: it may end in between
        task = await self.task(command.task_id)
        if task.status in FINAL:
            self._refuse_final(task, command)
            return True
        if live is None:
            return None
        try:
            done = await within(VERB_SECONDS, self._control.apply(live, command))
        except Moved:
            return None
        if command.verb == "cancel":
            done = await within(VERB_SECONDS, live.ended.wait())
            if live.moved:
                return None
        return done

    async def _obey(self, command: Command) -> bool:
        return await self._carry_out(command) is not None

    def _refuse_final(self, task: Task, command: Command) -> None:
        """A final task stays as it is; only to cancel a cancelled one is no mistake."""
        if command.verb == "cancel" and task.status is TaskStatus.CANCELLED:
            return
        legal = task_verbs(task.status)
        raise Conflict(
            f"task {task.id} is {task.status.value}, so {command.verb} is not possible; legal now: {', '.join(legal)}",
            state=task.status.value,
            legal=legal,
        )
