"""A valid plan becomes what the graph stores: ids, order keys, and for each subtask the spec of its running."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.model import NewSubtask, NewTask
from engine.plan import stored
from engine.plan.drafts import Draft
from engine.plan.ids import subtask_id
from engine.plan.links import place
from engine.plan.order import Order
from engine.plan.policies import DEFAULT
from engine.plan.schema import TaskRequest
from engine.plan.spec import Condition, FallbackSpec, MapSpec, Spec
from engine.plan.validate import ValidPlan
from engine.states import SubtaskStatus

_HIGHEST = 10
_TOP = 10**12 - 1


def build(plan: ValidPlan, task_id: str, created_at: int, request_key: str = "", request_hash: str = "") -> NewTask:
    """The task to store; ``created_at`` is milliseconds since 1970 UTC, the rest the caller's idempotency key."""
    request = plan.request
    ids = [subtask_id(task_id, index) for index in range(len(plan.subtasks))]
    lanes = Lanes(plan.subtasks, plan.order)
    return NewTask(
        id=task_id,
        type=plan.type,
        name=request.name,
        description=plan.description,
        user_id=request.user_id,
        tags=tuple(dict.fromkeys(request.tags)),
        priority=request.priority,
        max_parallel=request.max_parallel,
        failure_policy=request.failure_policy,
        body=stored.encode(request, plan.aggregate_refs, plan.origin),
        created_at=created_at,
        deadline_at=_deadline(request, created_at),
        subtasks=[subtask(draft, plan.order, lanes, ids[draft.index]) for draft in plan.subtasks],
        request_key=request_key,
        request_hash=request_hash,
        plan_hash=plan.plan_hash,
        edges=[(ids[draft.index], ids[needed]) for draft in plan.subtasks for needed in draft.dependencies],
    )


def _deadline(request: TaskRequest, created_at: int) -> int | None:
    return None if request.deadline_seconds is None else created_at + round(1000 * request.deadline_seconds)


def order_key(priority: int, rank: float, index: int) -> str:
    """The text that sorts ready subtasks of one task: priority 10 first, then highest rank, then plan order.

    ``rank`` counts in thousandths and ends at twelve digits: 31 years where it is seconds.
    """
    return f"{_HIGHEST - priority:02d}.{rank_text(rank)}.{index:07d}"


def rank_text(rank: float) -> str:
    """The rank in an order key: the highest sorts first."""
    return f"{_TOP - min(round(rank * 1000), _TOP):012d}"


class Lanes:
    """The order keys of a plan. A map that goes over the items of another shares the key of the first one of its chain,
    so that it has grown before those items run, and its own items sort among them.

    Args:
        drafts: the subtasks.
        order: their order.
        inside: the place of the subtask that they grew from; "" for a plan that was sent.
    """

    def __init__(self, drafts: Sequence[Draft], order: Order, inside: str = "") -> None:
        self._drafts = drafts
        self._order = order
        self.inside = inside

    def key(self, draft: Draft) -> str:
        """The text that sorts a subtask, if mapped its chain, among the ready ones of its task."""
        first = self._chain(draft)[-1]
        rank = self._order.urgent[first.index]
        if not self.inside:
            return order_key(draft.priority, rank, first.index)
        return f"{order_key(draft.priority, rank, int(self.inside[:7]))}.{first.index:07d}"

    def map_spec(self, draft: Draft) -> MapSpec:
        """What a mapped subtask keeps of the plan for its items."""
        chain = self._chain(draft)
        span = 1
        for stage in chain[:-1]:
            span *= stage.batch
        return MapSpec(
            over=draft.over,
            limit=draft.limit,
            batch=draft.batch,
            refs=draft.over_refs,
            priority=draft.priority,
            rank=self._order.urgent[chain[-1].index],
            lane=self.key(draft),
            stage=len(chain) - 1,
            span=span,
            follows=None if draft.follows is None else place(self.inside, draft.follows),
        )

    def followed(self, draft: Draft, id_: str) -> str | None:
        """The id of the map whose items a draft, to be stored as ``id_``, goes over."""
        return None if draft.follows is None else subtask_id(id_.rpartition(".")[0], draft.follows)

    def _chain(self, draft: Draft) -> list[Draft]:
        """A draft and the maps that it follows, the first stage last."""
        chain = [draft]
        while (before := chain[-1].follows) is not None:
            chain.append(self._drafts[before])
        return chain


def subtask(draft: Draft, order: Order, lanes: Lanes, id_: str, key: str = "") -> NewSubtask:
    """One subtask as it is first written; ``key`` differs from the draft's where it grew."""
    index, policies = draft.index, draft.policies
    generation, rank = order.generation[index], order.rank[index]
    judged = policies.run_if is not None
    at_once = not draft.dependencies and not judged
    return NewSubtask(
        id=id_,
        key=key or draft.key,
        type=draft.type,
        index=index,
        spec=_spec(draft, lanes),
        unmet=len(draft.dependencies),
        priority=draft.priority,
        generation=generation,
        rank=rank,
        order_key=lanes.key(draft),
        critical=policies.critical,
        status=SubtaskStatus.READY if at_once else SubtaskStatus.PENDING,
        optional=policies.optional,
        judged=judged,
        timed=policies.queue is not None or policies.total is not None,
        falls_back=policies.fallback is not None,
        follows=lanes.followed(draft, id_),
        expected=draft.expected,
    )


def _spec(draft: Draft, lanes: Lanes) -> str:
    if draft.policies is DEFAULT and not draft.mapped and draft.refs is None:
        return "{}" if draft.encoded == b"{}" else Spec(input=msgspec.Raw(draft.encoded)).encode()
    policies = draft.policies
    spec = Spec(
        input={} if draft.encoded == b"{}" else msgspec.Raw(draft.encoded),
        refs=draft.refs,
        timeout=policies.timeout,
        idle=policies.idle,
        queue=policies.queue,
        total=policies.total,
        critical=policies.critical,
        optional=policies.optional,
        retry=policies.retry,
        run_if=_condition(draft),
        fallback=_fallback(draft),
        on_interrupt=policies.on_interrupt,
        reuse=policies.reuse,
        approval=policies.approval,
        capabilities=list(policies.capabilities),
        limits=list(policies.limits),
        implied=[place(lanes.inside, index) for index in draft.dependencies[draft.declared :]],
        map=lanes.map_spec(draft) if draft.mapped else None,
    )
    return spec.encode()


def _condition(draft: Draft) -> Condition | None:
    condition = draft.policies.run_if
    return msgspec.structs.replace(condition, keys=draft.run_if_keys) if condition else None


def _fallback(draft: Draft) -> FallbackSpec | None:
    fallback = draft.policies.fallback
    if fallback is None:
        return None
    return FallbackSpec(fallback.type, msgspec.Raw(fallback.encoded), draft.fallback_refs)
