"""The one gate between a resolved input and its tool: whatever way a subtask came here, it passes through.

A first run, a repeat, a fallback, an item of a map, what another subtask grew, a rerun, an attempt after a restart or a
takeover: each is an attempt, and each attempt asks here after its references are resolved and before anything is
reused or run. What lets it pass is written in the graph for exactly this subtask and this input, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from engine.approval.policy import PLAN, TAINT, Facts, Policy, broken_by, expiry
from engine.approval.showing import amended, fingerprint, shown
from engine.approval.targets import paths_of
from engine.approvalstore import Approval, ApprovalStore, Reason, Request
from engine.errors import Category, ToolError
from engine.lookups import AnswerReader
from engine.model import Json, Value
from engine.plan.spec import Spec
from engine.ports import Clock
from engine.toolport import Tool
from engine.turn import Claim

FILE_WRITERS = frozenset({"write_file"})
"""Types that refuse what came from outside only beyond some folders."""
LEVELS, MOST_BEHIND, SHOWN_BEHIND = 20, 500, 10
"""How far a request looks at what depends on it: levels of edges, subtasks, keys that it names."""


class NeedsApproval(Exception):
    """A person has to decide before it runs."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.why)
        self.request = request


class Passed(Value, frozen=True):
    """The input that may run, and whether a person has approved it."""

    value: Json
    approved: bool = False


class Approvers(Value, frozen=True):
    """What the gate of an engine knows of the engine: its rules, the default wait in seconds (None for no end), what a
    type usually costs in US dollars (None where not known), and a path as it really is.
    """

    policy: Policy
    seconds: float | None
    cost: Callable[[str], float | None]
    resolve: Callable[[str], str]


class Gate:
    """Lets attempts of one engine pass, or has a person asked."""

    def __init__(self, graph: ApprovalStore, reader: AnswerReader, clock: Clock, known: Approvers) -> None:
        self._graph = graph
        self._reader = reader
        self._clock = clock
        self._known = known

    async def passed(self, claim: Claim, spec: Spec, tool: Tool, value: Json, tainted_by: Sequence[str]) -> Passed:
        """The input that may run, which a person may have amended.

        Args:
            claim: the attempt.
            spec: of what runs: the fallback's, once it has taken over.
            tool: that will get the input.
            value: the input, its references resolved.
            tainted_by: what of it came from outside, as keys; empty when nothing did.

        Raises:
            NeedsApproval: when a person has to decide, and is asked now.
            GraphUnavailable: when what was decided cannot be read, or the request not be stored.
        """
        if not (spec.approval or self._known.policy.rules or (tainted_by and tool.refuses_tainted)):
            return Passed(value)
        reasons = self._reasons(claim, spec, tool, value, tainted_by)
        if not reasons:
            return Passed(value)
        hash_ = _hash(tool, value)
        approval = approved(await self._graph.approvals_of(claim.id), hash_)
        if approval is not None and approval.verdict is not None:
            found = amended(value, msgspec.json.decode(approval.verdict.amended)) if approval.verdict.amended else value
            if _hash(tool, found) == approval.verdict.approved_hash:
                return Passed(found, approved=True)
        request = await self._request(claim, tool, value, hash_, reasons, tainted_by)
        await self._graph.ask_approval(request)
        raise NeedsApproval(request)

    def _reasons(self, claim: Claim, spec: Spec, tool: Tool, value: Json, tainted_by: Sequence[str]) -> list[Reason]:
        """Why a person is asked; the rules first, for they say who decides."""
        policy, type_ = self._known.policy, tool.name
        cost = self._known.cost(type_) if any(rule.cost_above is not None for rule in policy.rules) else None
        facts = Facts(type_, value, tool.risk_of(value), bool(tainted_by), cost, self._known.resolve)
        found = broken_by(policy.rules, facts)
        if spec.approval:
            found.append(Reason(PLAN, "its plan asks for approval"))
        if tainted_by and tool.refuses_tainted and not self._harmless(claim.task_id, type_, value):
            from_ = ", ".join(tainted_by[:SHOWN_BEHIND])
            found.append(Reason(TAINT, f"its input came from outside, through {from_}, and {type_} refuses that"))
        return found

    def asks(self, task_id: str, tool: Tool, value: Json) -> str | None:  # noqa: ARG002
        """Why a rule wants a person to look at what an agent is about to call; None where none does."""
        policy = self._known.policy
        cost = self._known.cost(tool.name) if any(rule.cost_above is not None for rule in policy.rules) else None
        facts = Facts(tool.name, value, tool.risk_of(value), True, cost, self._known.resolve)
        return "; ".join(reason.words for reason in broken_by(policy.rules, facts)) or None

    def _harmless(self, task_id: str, type_: str, value: Json) -> bool:
        """Whether a file is written where what came from outside may be: the task's folder, or one of the policy's."""
        if type_ not in FILE_WRITERS:
            return False
        resolve = self._known.resolve
        folders = [resolve(folder).rstrip("/") + "/" for folder in [task_id, *self._known.policy.tainted_files]]
        paths = [resolve(path) for path in paths_of(value)]
        return bool(paths) and all(path.startswith(tuple(folders)) for path in paths)

    async def _request(
        self, claim: Claim, tool: Tool, value: Json, hash_: str, reasons: list[Reason], tainted_by: Sequence[str]
    ) -> Request:
        deciding = self._known.policy.of(reasons[0].rule)
        now = self._clock.now()
        until, on_expiry = expiry(deciding, self._known.seconds, now)
        text, size, cut = shown(value)
        keys, more = await self._behind(claim.id)
        return Request(
            id=f"{claim.id}#{claim.token}",
            task_id=claim.task_id,
            subtask_id=claim.id,
            key=claim.key,
            token=claim.token,
            type=tool.name,
            version=tool.version,
            hash=hash_,
            input=text,
            input_bytes=size,
            cut=cut,
            reasons=reasons,
            asked_at=now,
            approvers=tuple(deciding.approvers),
            until=until,
            on_expiry=on_expiry,
            behind=len(keys),
            behind_keys=tuple(keys[:SHOWN_BEHIND]),
            behind_more=more,
            tainted_by=tuple(tainted_by[:SHOWN_BEHIND]),
        )

    async def _behind(self, id_: str) -> tuple[list[str], bool]:
        """Keys of what waits for a subtask, directly or not, and whether there are more."""
        seen: dict[str, str] = {}
        level = [id_]
        for _ in range(LEVELS):
            if not level or len(seen) >= MOST_BEHIND:
                break
            found = await self._reader.below(level, MOST_BEHIND + 1 - len(seen))
            level = [below.id for below in found if below.id not in seen]
            seen |= {below.id: below.key for below in found}
        return list(seen.values())[:MOST_BEHIND], bool(level)


def approved(asked: Sequence[Approval], hash_: str) -> Approval | None:
    """The last verdict on this very input, where it lets it run."""
    decided = [found for found in asked if found.request.hash == hash_ and found.verdict is not None]
    return decided[-1] if decided and decided[-1].state == "approved" else None


def _hash(tool: Tool, value: Json) -> str:
    try:
        return fingerprint(tool.name, value)
    except ValueError as error:
        raise ToolError(str(error), category=Category.CONFIGURATION) from error
