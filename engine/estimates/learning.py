"""What a running engine learns from its attempts, and what it expects because of it.

Each attempt that ends is noted in memory, in constant time. The kinds that have changed are written at most once a
second, beside the counts of the running tasks: a crash loses a second of experience, never a task. What other engines
have learned is read at the start and now and then when a plan comes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec
import structlog

from engine.errors import GraphUnavailable
from engine.estimates.estimate import Estimate
from engine.estimates.estimator import Estimator, matters
from engine.estimates.expectation import Expectation
from engine.estimates.experience import Experience
from engine.estimates.plan_hash import plan_hash
from engine.estimates.precedents import Precedents
from engine.estimates.profile import Kind, Observation, Profile, Regression, StoredProfile, size_class
from engine.estimates.sizes import Sizes
from engine.model import NewSubtask
from engine.plan.validate import ValidPlan
from engine.ports import Clock

_log = structlog.get_logger("learning")

RUNS = 3
"""Earlier runs of a plan that are looked at."""
MOST_PRECEDENTS = 10_000
"""Subtasks of these that are read."""
BATCH = 500
"""Profiles that are written at once; the others wait for the next time."""
FRESH_SECONDS = 60.0
"""What other engines have learned, and the runs of a plan, are read again after so long."""
MOST_PLANS = 256
"""Plans whose earlier runs are kept in memory."""
LARGE = 2_000
"""A plan with more subtasks than this is estimated off the event loop."""


class Learner:
    """The experience of one engine.

    Args:
        graph: where profiles and earlier runs are.
        clock: times.
        version: that of a type's tool.
        sizes: how large inputs are.
    """

    def __init__(self, graph: Experience, clock: Clock, version: Callable[[str], str], sizes: Sizes) -> None:
        self._graph = graph
        self._clock = clock
        self._version = version
        self.sizes = sizes
        self._engine = ""
        self._own: dict[Kind, Profile] = {}
        self._others: dict[Kind, Profile] = {}
        self._places: dict[tuple[str, str, int], tuple[Profile, ...]] = {}
        self._changed: dict[tuple[str, str, int], None] = {}
        self._read_at = float("-inf")
        self._plans: dict[str, tuple[float, Precedents]] = {}
        self._both: dict[Kind, Profile] = {}
        self.regressions = 0
        self.costs: dict[str, float] = {}
        """What attempts of some tasks have cost, in US dollars, by task: of those whose id somebody has put here."""
        """How often a kind was found to have become slower."""

    # --- learning -------------------------------------------------------------------------------------------------

    def note(self, type_: str, version: str, input_bytes: int | None, seen: Observation) -> None:
        """An attempt has ended. Takes some microseconds, whatever is known."""
        place = (type_, version, -1 if input_bytes is None else size_class(input_bytes))
        profiles = self._places.get(place)
        if profiles is None:
            profiles = self._places[place] = self._entered(*place)
        self._changed[place] = None
        now = self._clock.now()
        for profile in profiles:
            if self._both:
                self._both.pop(profile.kind, None)
            regression = profile.add(seen, now)
            if regression is not None:
                self._tell(regression)

    def _entered(self, type_: str, version: str, size: int) -> tuple[Profile, ...]:
        """The profiles that an attempt counts in: its kind with the size of the input, and without."""
        kinds = [Kind(type_, version)] + ([Kind(type_, version, size)] if size >= 0 else [])
        return tuple(self._own.setdefault(kind, Profile(kind)) for kind in kinds)

    def _tell(self, regression: Regression) -> None:
        """A kind has become slower. Where the size of the input matters, larger inputs alone are no such thing."""
        kind = regression.kind
        if not matters(kind, self._own):
            return
        self.regressions += 1
        _log.warning(
            "profile.regressed",
            type=kind.type,
            version=kind.version,
            seconds=round(regression.now, 3),
            earlier_p90=round(regression.before, 3),
            input_bytes=None if kind.size is None else 2 ** max(kind.size - 1, 0),
        )

    @property
    def has_changed(self) -> bool:
        """Whether there is something to write."""
        return bool(self._changed)

    @property
    def changed(self) -> set[str]:
        """The types of which something is to be written."""
        return {type_ for type_, _, _ in self._changed}

    async def write(self) -> None:
        """Writes up to ``BATCH`` of the kinds that have changed. Raises ``Fenced`` and ``GraphUnavailable``; then they
        still count as changed.
        """
        places = list(self._changed)[:BATCH]
        for place in places:
            del self._changed[place]
        profiles = {profile.kind: profile for place in places for profile in self._places[place]}
        rows = [StoredProfile(kind.text, one.encode(), one.updated_at) for kind, one in profiles.items()]
        try:
            await self._graph.put_profiles(rows)
        except BaseException:
            self._changed |= dict.fromkeys(places)
            raise

    # --- remembering ----------------------------------------------------------------------------------------------

    async def begin(self, engine_id: str) -> None:
        """Takes up what this engine had learned before, and what others have."""
        first = self._engine != engine_id
        self._engine = engine_id
        found = await self._graph.profiles()
        if first:
            self._own = _by_kind(row for row in found if row.engine == engine_id)
            self._places.clear()
        self._take(found)

    def _take(self, found: Sequence[StoredProfile]) -> None:
        self._others = _by_kind(row for row in found if row.engine != self._engine)
        self._read_at = self._clock.monotonic()
        self._both.clear()

    def merged(self) -> dict[Kind, Profile]:
        """What all engines have learned, as far as it was read. The next attempt changes some of these."""
        for kind, other in self._others.items():
            if kind in self._own and kind not in self._both:
                self._both[kind] = other.merged(self._own[kind])
        return self._others | self._own | self._both

    async def refresh(self) -> None:
        """Reads what others have learned, when that is some time ago; the graph may be away."""
        if self._clock.monotonic() - self._read_at < FRESH_SECONDS:
            return
        self._read_at = self._clock.monotonic()
        try:
            self._take(await self._graph.profiles())
        except GraphUnavailable as error:
            _log.debug("no profiles of other engines", reason=str(error))

    async def _runs(self, hash_: str) -> Precedents:
        """The earlier runs of a plan."""
        now = self._clock.monotonic()
        read_at, known = self._plans.get(hash_, (float("-inf"), Precedents()))
        if now - read_at < FRESH_SECONDS:
            return known
        try:
            rows = await self._graph.precedents(hash_, RUNS, MOST_PRECEDENTS)
        except GraphUnavailable as error:
            _log.debug("no earlier runs of a plan", reason=str(error))
            return known
        self._plans.pop(hash_, None)
        large = sum(map(len, rows)) > LARGE
        self._plans[hash_] = now, await asyncio.to_thread(Precedents, rows) if large else Precedents(rows)
        while len(self._plans) > MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        return self._plans[hash_][1]

    def ended(self, hash_: str) -> None:
        """A task of a plan has ended: its runs are to be read again."""
        self._plans.pop(hash_, None)

    # --- expecting ------------------------------------------------------------------------------------------------

    async def expected(self, plan: ValidPlan) -> ValidPlan:
        """The plan with what is expected of each subtask, ordered by that."""
        await self.refresh()
        large = len(plan.subtasks) > LARGE
        hash_ = await asyncio.to_thread(plan_hash, plan, self._version) if large else plan_hash(plan, self._version)
        runs = await self._runs(hash_)
        expectation = self._expectation(runs, still=large)
        work = (plan.subtasks, plan.order)
        order = await asyncio.to_thread(expectation.ordered, *work) if large else expectation.ordered(*work)
        return msgspec.structs.replace(plan, order=order, plan_hash=hash_)

    def has_run(self, hash_: str) -> bool:
        """Whether earlier runs of a plan are in memory."""
        return hash_ in self._plans and bool(self._plans[hash_][1])

    async def experienced(self, hash_: str, still: bool = True) -> Callable[[str, str], Estimate]:
        """What is expected of the subtasks of a plan by key and type, read if need be; ``still`` for a thread."""
        runs = await self._runs(hash_) if hash_ else Precedents()
        return self._expectation(runs, still).of

    def expectation(self, hash_: str, still: bool = False) -> Expectation:
        """What is expected of subtasks that a task of a plan grows, by what is in memory; ``still`` for a thread."""
        return self._expectation(self._plans.get(hash_, (0.0, Precedents()))[1], still)

    def items(self, items: Sequence[NewSubtask], hash_: str) -> list[NewSubtask]:
        """The items of a map with what is expected of each."""
        expectation = self.expectation(hash_)
        return [msgspec.structs.replace(item, expected=expectation.of(item.key, item.type).seconds) for item in items]

    def profile(self, kind: Kind) -> Profile | None:
        """What all engines have learned of one kind; None when nothing of it is known. Constant time."""
        own, other = self._own.get(kind), self._others.get(kind)
        if own is None or other is None:
            return own or other
        if kind not in self._both:
            self._both[kind] = other.merged(own)
        return self._both[kind]

    def of_kind(self, type_: str) -> Profile | None:
        """What all engines have learned of a type in its present version, inputs of all sizes together; None when
        nothing of it has run yet.
        """
        profile = self.merged().get(Kind(type_, self._version(type_)))
        return profile if profile is not None and profile.attempts else None

    def cost_of(self, type_: str) -> float | None:
        """What a run of a type usually costs, in US dollars; None when nothing of it has run yet."""
        profile = self.of_kind(type_)
        return None if profile is None else profile.cost / profile.attempts

    def of_type(self, type_: str) -> tuple[float | None, float | None]:
        """What is known of a type as it is now: median seconds, and the share of attempts that succeed."""
        profile = self.of_kind(type_)
        if profile is None:
            return None, None
        median = profile.seconds.quantile(0.5) if profile.count else None
        return median, profile.count / profile.attempts

    def _expectation(self, runs: Precedents, still: bool = False) -> Expectation:
        profiles = self.merged()
        if still:  # a thread needs profiles that no attempt changes meanwhile
            profiles = {kind: profile.copy() for kind, profile in profiles.items()}
        return Expectation(Estimator(profiles, runs), self._version, self.sizes)


def _by_kind(rows: Iterable[StoredProfile]) -> dict[Kind, Profile]:
    """Profiles by kind, those of several engines merged; what cannot be read is left out."""
    found: dict[Kind, Profile] = {}
    for row in rows:
        try:
            profile = Profile.decode(row.data)
        except msgspec.DecodeError as error:
            _log.warning("a stored profile cannot be read", kind=row.kind, engine=row.engine, reason=str(error))
            continue
        other = found.get(profile.kind)
        found[profile.kind] = profile if other is None else other.merged(profile)
    return found
