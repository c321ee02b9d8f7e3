"""What a subtask says about failure, repeats and time, checked and put into the form in which it is stored."""

from __future__ import annotations

import msgspec

from engine import conditions
from engine.errors import Category
from engine.model import Json
from engine.plan.faults import Faults
from engine.plan.schema import CachePolicy, Expression, Retry, SubtaskSpec
from engine.plan.spec import Condition, LimitSpec, RetrySpec


class FallbackDraft(msgspec.Struct):
    """What takes over when no attempt is left, on its way to a ``FallbackSpec``."""

    type: str
    input: Json
    encoded: bytes = b"{}"


class Policies(msgspec.Struct, frozen=True):
    """The policies of one subtask. ``run_if`` is None for the default; its keys are linked later."""

    timeout: float | None = None
    idle: float | None = None
    queue: float | None = None
    total: float | None = None
    critical: bool = True
    optional: bool = False
    retry: RetrySpec | None = None
    run_if: Condition | None = None
    fallback: FallbackDraft | None = None
    on_interrupt: str | None = None
    reuse: float | None = None
    approval: bool = False
    limits: tuple[LimitSpec, ...] = ()
    capabilities: tuple[str, ...] = ()


DEFAULT = Policies()


def policies_of(spec: SubtaskSpec, place: str, faults: Faults) -> Policies:
    """The policies that a subtask gives; notes what is wrong with them. ``place`` is its JSON pointer."""
    if spec.model_fields_set <= _WITHOUT:
        return DEFAULT
    limits = spec.timeouts
    return Policies(
        timeout=_timeout(spec, place, faults),
        idle=limits.idle_seconds if limits else None,
        queue=limits.queue_seconds if limits else None,
        total=limits.total_seconds if limits else None,
        critical=spec.critical and not spec.optional,
        optional=spec.optional,
        retry=_retry(spec.retry, place, faults) if spec.retry else None,
        run_if=_run_if(spec, place, faults),
        fallback=FallbackDraft(spec.fallback.type, spec.fallback.input) if spec.fallback else None,
        on_interrupt=spec.on_interrupt,
        reuse=spec.cache.ttl_seconds if isinstance(spec.cache, CachePolicy) else 0.0 if spec.cache is False else None,
        approval=spec.requires_approval,
        limits=tuple(LimitSpec(limit.key, limit.rate or "", limit.concurrency or 0) for limit in spec.limits),
        capabilities=tuple(dict.fromkeys(spec.required_capabilities)),
    )


_WITHOUT = {"key", "type", "input", "dependencies", "priority", "map"}


def _timeout(spec: SubtaskSpec, place: str, faults: Faults) -> float | None:
    """One attempt's limit, which has two spellings."""
    other = spec.timeouts.attempt_seconds if spec.timeouts else None
    if spec.timeout_seconds is not None and other is not None and other != spec.timeout_seconds:
        detail = f'is {other:g}, but "timeout_seconds" says {spec.timeout_seconds:g}; give one of them'
        faults.add(f"{place}/timeouts/attempt_seconds", detail)
    return spec.timeout_seconds if spec.timeout_seconds is not None else other


def _retry(retry: Retry, place: str, faults: Faults) -> RetrySpec:
    if retry.on is not None and Category.CANCELLED in retry.on:
        where = f"{place}/retry/on/{retry.on.index(Category.CANCELLED)}"
        faults.add(where, "what was cancelled is never repeated; leave it out")
    first, longest = retry.backoff_seconds, retry.max_backoff_seconds
    if first is not None and longest is not None and longest < first:
        faults.add(f"{place}/retry/max_backoff_seconds", f"is less than backoff_seconds ({first:g})")
    on = [category.value for category in retry.on] if retry.on is not None else None
    return RetrySpec(retry.max_attempts, first, longest, retry.jitter, on)


def _run_if(spec: SubtaskSpec, place: str, faults: Faults) -> Condition | None:
    if spec.run_if == "all_succeeded":
        return None
    if not isinstance(spec.run_if, Expression):
        return Condition(name=spec.run_if)
    try:
        conditions.check(spec.run_if.expression)
    except conditions.NotReadable as error:
        faults.add(f"{place}/run_if/expression", f"is no CEL expression: {error}")
    return Condition(expression=spec.run_if.expression)
