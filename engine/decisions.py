"""Carries out what persons decide on subtasks that wait for them, and what follows when nobody does in time.

A verdict is written first, then the move is made: whatever happens in between, the verdict is found when the task is
taken up again, and the gate lets through what was approved and nothing else.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence

import msgspec
import structlog

from engine.approval.choosing import EXPIRY, Wish, chosen, current, decided
from engine.approval.showing import amended, fingerprint
from engine.approvalstore import Approval, Verdict, Waiting
from engine.attempt import Attempts
from engine.errors import (
    Category,
    Conflict,
    EngineError,
    Fault,
    Fenced,
    GraphUnavailable,
    InvalidInput,
    NotFound,
    ToolError,
)
from engine.machine import Approve, Event, Reject, Standing, decide
from engine.model import Json, Subtask, Value
from engine.payloads import error_text
from engine.plan.spec import Spec
from engine.retries import Defaults
from engine.routing.request import ExecutionRequest
from engine.running import RunningTask
from engine.scheduler import Scheduler
from engine.states import SubtaskStatus, subtask_verbs
from engine.times import iso
from engine.toolport import Tool
from engine.turn import Move

_log = structlog.get_logger("approval")

REJECTED = "rejected"
"""The reason of a subtask that somebody has not approved."""
PAGE = 1_000
MOST = 10_000
"""Subtasks that one decision is about; a further one decides on the rest."""
LARGEST_AMENDMENT = 256 * 1024
"""Bytes of JSON."""
WAITING = SubtaskStatus.AWAITING_APPROVAL


class Plan(Value, frozen=True):
    """What is about to be decided, all of it together."""

    wish: Wish
    found: list[Waiting]
    verdict: Verdict


class Decisions:
    """The decisions on the open tasks of one engine.

    Args:
        scheduler: makes the moves.
        attempts: resolves the input that an amendment changes.
        tools: the tool of a type.
        defaults: retry settings, for the state machine.
    """

    def __init__(
        self, scheduler: Scheduler, attempts: Attempts, tools: Callable[[str], Tool | None], defaults: Defaults
    ) -> None:
        self._scheduler = scheduler
        self._graph = scheduler.graph
        self._attempts = attempts
        self._tools = tools
        self._defaults = defaults
        self._chance = random.Random()

    async def prepare(self, task: RunningTask, wish: Wish) -> Plan | None:
        """What a person's wish comes to; None when it is so already. Nothing is changed.

        Raises:
            Conflict: when something of it does not wait, or not any more, or was decided already.
            Forbidden: when somebody else has to decide.
            InvalidInput: when the amended input does not fit its tool.
            NotFound: when there is no such subtask.
        """
        if len(wish.keys) == 1:
            one = await self._one(task, wish.keys[0], wish)
            if one is None:
                return None
            waiting = [one]
        else:
            waiting = await self._waiting(task)
        found = chosen(waiting, wish, self._scheduler.clock.now())
        return Plan(wish, found, await self._verdict(task, wish, found))

    async def carry_out(self, plan: Plan) -> None:
        """Writes the verdict and makes the moves. Call it from inside the loop. Raises ``Conflict``."""
        await self._record(plan.found, plan.verdict)
        await self._scheduler.make([self._move(one.subtask, plan.wish) for one in plan.found])

    async def _one(self, task: RunningTask, key: str, wish: Wish) -> Waiting | None:
        read = await self._graph.subtask(task.id, key)
        if read is None:
            raise NotFound(f"task {task.id} has no subtask {key!r}: GET /tasks/{task.id}/subtasks lists them")
        subtask = read[0]
        asked = await self._graph.approvals_of(subtask.id)
        if subtask.status is WAITING:
            return Waiting(subtask, current(asked, subtask.token))
        if (already := decided(subtask, asked, wish.verb)) is not None:
            raise already
        if _is_so(subtask, wish):
            return None
        raise not_waiting(subtask, wish.verb)

    async def _waiting(self, task: RunningTask) -> list[Waiting]:
        found: list[Waiting] = []
        while len(found) < MOST:
            after = found[-1].subtask.id if found else ""
            page = await self._graph.waiting_for_approval(task.id, after, PAGE)
            found += page
            if len(page) < PAGE:
                break
        return found

    async def _verdict(self, task: RunningTask, wish: Wish, found: Sequence[Waiting]) -> Verdict:
        text, hash_ = "", ""
        if wish.input is not msgspec.UNSET:
            text, hash_ = await self._amendment(task, wish, found)
        now = self._scheduler.clock.now()
        state = "approved" if wish.state == "approved" else "rejected"
        return Verdict(wish.id or uuid.uuid4().hex, state, wish.by, now, wish.comment, text, hash_)  # type: ignore[arg-type]

    async def _amendment(self, task: RunningTask, wish: Wish, found: Sequence[Waiting]) -> tuple[str, str]:
        """The text of an amendment, and the hash of what may run with it."""
        if wish.state != "approved" or len(found) != 1 or found[0].approval is None:
            raise _fault("goes with the approval of one subtask that has asked; leave it out")
        subtask, request = found[0].subtask, found[0].approval.request
        tool, value = self._tools(request.type), await self._input(task, subtask)
        if tool is None or fingerprint(request.type, value) != request.hash:
            raise Conflict(f"the input of {subtask.key} is not what it was when it asked: GET its approvals again")
        if isinstance(value, dict) and not isinstance(wish.input, dict):
            raise _fault("should be an object: its fields are put into the input")
        changed = amended(value, wish.input)
        faults = [Fault("/input" + "".join(f"/{part}" for part in path), said) for path, said in tool.check(changed)]
        if faults:
            raise InvalidInput(faults)
        text = msgspec.json.encode(wish.input).decode()
        if len(text) > LARGEST_AMENDMENT:
            raise _fault(f"is larger than {LARGEST_AMENDMENT:,} bytes")
        return text, fingerprint(request.type, changed)

    async def _input(self, task: RunningTask, subtask: Subtask) -> Json:
        """What a subtask has asked about: its resolved input, with what a rule of the router has put over it."""
        type_, spec = Spec.decode(subtask.spec).running(subtask.type, subtask.fell_back)
        literal = tool.literal if (tool := self._tools(type_)) is not None else frozenset()
        try:
            value = await self._attempts.resolved_input(task.id, spec, task.input, literal)
        except ToolError as error:
            raise Conflict(f"the input of {subtask.key} cannot be resolved any more: {error}") from None
        read = await self._graph.subtask(task.id, subtask.key)
        routed = read[1][-1].request if read is not None and read[1] else ""
        by_rule = ExecutionRequest.decode(routed) if routed else None
        return value if by_rule is None else by_rule.option.value(value)

    async def _record(self, found: Sequence[Waiting], verdict: Verdict) -> None:
        """Writes the verdict on all that asked, or raises ``Conflict``."""
        ids = [one.approval.request.id for one in found if one.approval is not None]
        if not ids:
            return
        written = set(await self._graph.decide_approvals(ids, verdict))
        lost = [one.subtask.key for one in found if one.approval is not None and one.approval.request.id not in written]
        if lost:
            raise Conflict(f"somebody else has just decided on {', '.join(lost[:5])}: look at the approvals again")

    def _move(self, subtask: Subtask, wish: Wish) -> Move:
        event: Event = Approve() if wish.state == "approved" else Reject()
        decision = decide(Standing(subtask.status), event, 0, self._defaults, self._chance)
        rejected = wish.state != "approved"
        return Move(
            subtask.id,
            subtask.task_id,
            subtask.key,
            decision.event,
            subtask.status,
            decision.to,
            optional=subtask.optional,
            error=_rejection(subtask, wish) if rejected else None,
            detail=wish.told,
            reason=REJECTED if rejected else "",
            critical=subtask.critical,
        )

    # --- what is due ----------------------------------------------------------------------------------------------

    async def due(self, task: RunningTask, key: str) -> None:
        """The time of a request is over; without a key all of a task are looked at that was taken up again. Call it
        from inside the loop.
        """
        if task.gate or task.id not in self._scheduler.ledger.tasks:
            return
        found = await self._of_key(task, key) if key else await self._waiting(task)
        for one in found:
            if one.approval is not None:
                await self._settle(task, one, one.approval)

    async def _of_key(self, task: RunningTask, key: str) -> list[Waiting]:
        read = await self._graph.subtask(task.id, key)
        if read is None or read[0].status is not WAITING:
            return []
        return [Waiting(read[0], current(await self._graph.approvals_of(read[0].id), read[0].token))]

    async def _settle(self, task: RunningTask, one: Waiting, approval: Approval) -> None:
        """Makes the move of a verdict that was cut off, or decides as the policy says when the time is over."""
        request, now = approval.request, self._scheduler.clock.now()
        if approval.verdict is not None:
            wish = Wish(approval.verdict.id, approval.state, approval.verdict.by, approval.verdict.comment)
            await self._scheduler.make([self._move(one.subtask, wish)])
        elif request.until is None or request.on_expiry == "wait":
            return
        elif now < request.until:
            self._scheduler.times.expect(task, request.subtask_id, request.key, request.until)
        else:
            state = "approved" if request.on_expiry == "approve" else "rejected"
            comment = f"nobody decided until {iso(request.until)}"
            try:
                plan = await self.prepare(task, Wish(f"{EXPIRY} {request.id}", state, EXPIRY, comment, (request.key,)))
                if plan is not None:
                    await self.carry_out(plan)
            except (GraphUnavailable, Fenced):
                raise
            except EngineError as error:
                _log.info("it was decided meanwhile", task_id=task.id, subtask=request.key, reason=str(error))


def _rejection(subtask: Subtask, wish: Wish) -> str:
    by = f" by {wish.by}" if wish.by and wish.by != EXPIRY else ""
    why = f"rejected{by}{f': {wish.comment}' if wish.comment else ''}"
    suggestion = "ask whoever rejected it; retry asks again" if wish.by != EXPIRY else "retry asks again"
    return error_text(ToolError(why, category=Category.PERMISSION, suggestion=suggestion), subtask.token)


def _is_so(subtask: Subtask, wish: Wish) -> bool:
    """Whether what a wish is after is the state already, of one that asked nothing: an interruption was decided on."""
    if wish.state == "approved":
        return subtask.status in (SubtaskStatus.READY, SubtaskStatus.PROCESSING)
    return subtask.status is SubtaskStatus.FAILED and subtask.reason == REJECTED


def not_waiting(subtask: Subtask, verb: str) -> Conflict:
    """Why a verb is not possible, and what is."""
    legal = [other for other in subtask_verbs(subtask.status) if other != verb]
    waits = f" and waits for {subtask.unmet} of its dependencies" if subtask.unmet else ""
    return Conflict(
        f"subtask {subtask.key} is {subtask.status.value}{waits}, so {verb} is not possible; "
        f"legal now: {', '.join(legal) or 'nothing'}",
        state=subtask.status.value,
        legal=legal,
    )


def _fault(detail: str) -> InvalidInput:
    return InvalidInput([Fault("/input", detail)])
