"""A ``Turn`` as statement parameters: what both dialects prepare alike. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.states import SETTLED, SubtaskStatus
from engine.turn import Change, Claim, Move, Settle, Turn, Undecided
from graph import history

COMPLETED = SubtaskStatus.COMPLETED
SKIPPED = SubtaskStatus.SKIPPED
READY = SubtaskStatus.READY


def settle_change(settle: Settle) -> Change:
    """The end of an attempt as its event."""
    return Change(settle.id, settle.key, settle.event, "processing", settle.to.value, settle.token, _told(settle))


def _told(settle: Settle) -> str:
    """What the event says beside: why, and at which agent."""
    return "; ".join(filter(None, (settle.reason, f"at agent {settle.agent_id}" if settle.agent_id else "")))


def move_change(move: Move) -> Change:
    """A move as its event."""
    return Change(move.id, move.key, move.event, move.source.value, move.to.value, 0, move.detail)


def settle_counts(settle: Settle) -> tuple[int, int]:
    """By how much its dependants' unmet counters sink, and their counters of failures rise."""
    return int(settle.to in SETTLED), int(settle.to in SETTLED and settle.to is not COMPLETED)


def move_counts(move: Move) -> tuple[int, int, int]:
    """The same of a move, and how their counters of skipped dependencies rise; less than 0 on the way back."""
    into, out = weight(move.to, move.optional), weight(move.source, move.optional)
    return into[0] - out[0], into[1] - out[1], into[2] - out[2]


def weight(status: SubtaskStatus, optional: bool) -> tuple[int, int, int]:
    """What a subtask in ``status`` adds to (settled, without success, skipped) of whatever depends on it."""
    if status not in SETTLED:
        return 0, 0, 0
    skipped = status is SKIPPED and not optional
    succeeded = status is COMPLETED or (status is SKIPPED and optional)
    return 1, int(not succeeded), int(skipped)


def settle_rows(turn: Turn) -> list[list[Any]]:
    """One row per ended attempt; the statement's header says what stands where."""
    return [_settle_row(settle, turn.now) for settle in turn.settle]


def _settle_row(settle: Settle, now: int) -> list[Any]:
    met, bad = settle_counts(settle)
    return [
        settle.id,
        settle.token,
        settle.to.value,
        now if met else None,
        settle.to is READY,
        met,
        bad,
        history.change_text(settle_change(settle)),
        _more(settle, now),
        settle.outcome,
        settle.started_at,
        settle.finished_at,
        settle.output,
        settle.output_hash,
        settle.output_bytes,
        settle.error,
        settle.version,
        _made_from(settle),
    ]


def _made_from(settle: Settle) -> list[dict[str, Any]]:
    """Properties that few attempts have: of provenance, the cache, what it took, what a rule has chosen, taint."""
    names: dict[str, Any] = {"cache_key": settle.cache_key, "consumed": list(settle.consumed), "origin": settle.origin}
    names |= {"request": settle.request, "tainted": settle.tainted, "agent_id": settle.agent_id}
    found = {name: value for name, value in names.items() if value}
    found |= msgspec.structs.asdict(settle.effort) if settle.effort else {}
    return [found] if found else []


def _more(settle: Settle, now: int) -> list[dict[str, Any]]:
    """The further properties that change, a value of None removes one; most attempts change none."""
    if settle.to is COMPLETED:
        return []
    names = ("wake_at", "spent", "interrupted", "fell_back")
    changed: dict[str, Any] = {name: value for name in names if (value := getattr(settle, name)) is not None}
    if settle.to is READY:
        changed["queued_at"] = now
    if settle.reason or settle.to is SubtaskStatus.RETRYING:
        changed["reason"] = settle.reason or None
    return [changed] if changed else []


def move_rows(turn: Turn) -> list[dict[str, Any]]:
    """One row per move."""
    return [_move_row(move, turn.now) for move in turn.moves]


def _move_row(move: Move, now: int) -> dict[str, Any]:
    met, bad, skips = move_counts(move)
    changed: dict[str, Any] = {
        "status": move.to.value,
        "error": move.error,
        "completed_at": now if move.to in SETTLED else None,
    }
    if not keeps_reason(move):
        changed["reason"] = move.reason or None
    if move.to is READY:
        changed["queued_at"] = now
    if move.fresh is not None:
        changed |= {"spent": 0, "interrupted": 0, "fell_back": False, "fresh_token": move.fresh}
    return {
        "id": move.id,
        "source": move.source.value,
        "settled": move.settled,
        "ready": move.to is READY,
        "met": met,
        "bad": bad,
        "skips": skips,
        "set": changed,
        "change": history.change_text(move_change(move)),
    }


def keeps_reason(move: Move) -> bool:
    """The end of a back-off says nothing of its own: what the repeat has to know stays."""
    return move.source is SubtaskStatus.RETRYING and move.to is READY and move.fresh is None


def event_rows(turn: Turn) -> dict[str, dict[str, Any]]:
    """By task: the key and number of the first event that this turn may write."""
    return {
        task_id: {"first": last + 1, "key": history.event_key(task_id, last + 1)}
        for task_id, last in turn.sequences.items()
    }


def claim(row: list[Any]) -> Claim:
    """A claimed subtask as the statements return it, in the order of ``Claim``'s fields."""
    return Claim(*row)


def each_once(rows: list[list[Any]]) -> list[Undecided]:
    """The subtasks without a verdict as the statements return them, in the order of ``Undecided``'s fields; one that
    came back and lost its last dependency in the same turn is named twice.
    """
    return list({found.id: found for found in (Undecided(*row) for row in rows)}.values())
