"""What a subtask will take, from the best evidence there is, each level drawn towards the one below it.

The levels are those of ``Basis``: the same subtask in the last runs of the same plan, its kind, its type, everything.
All is in the logarithm of seconds. A level with ``n`` observations counts ``V / (V + s² / n)`` against the level below,
where ``s²`` is its own variance and ``V`` that of the level below: few observations of something that is otherwise
wide count much, few in a narrow family little (James and Stein). An interval grows by what the middle may be wrong, and
by Student's factor while the width itself rests on few observations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import reduce

from engine.estimates.estimate import UNKNOWN, Z90, Basis, Estimate
from engine.estimates.precedents import Precedents, TypeRuns
from engine.estimates.profile import Kind, Profile, Regression, size_class
from engine.estimates.spread import FLOOR, MANY, Spread, log_of, position, student
from engine.model import Value

PRIOR_DEVIATION = 0.3
"""Standard deviation of the logarithm within a kind of which nothing is known: about a third more or less."""
PRIOR_WEIGHT = 1.0
"""For so many observations that counts."""
NARROW = 0.05
"""Standard deviation of the logarithm below which the buckets of the sketch are too wide to tell quantiles."""
OTHER_VERSION = 0.25
"""Variance of the logarithm that another version of a tool adds: half as long or twice is well possible."""
EXPLAINED = 0.3
"""Sizes of the input count where they explain at least this part of a kind's variance."""
CLASS_COUNT = 4
"""Durations that a class of sizes must have for that."""


class Found(Value, frozen=True):
    """A spread and what it rests on; ``sized`` where the size of the input told more than the kind alone."""

    spread: Spread
    basis: Basis
    count: int
    sized: bool = False


class Estimator:
    """Estimates subtasks of one plan.

    Args:
        profiles: what all engines have learned, merged; with a size and without.
        precedents: what the last runs of the same plan took.
    """

    def __init__(self, profiles: Mapping[Kind, Profile], precedents: Precedents | None = None) -> None:
        self._precedents = precedents or Precedents()
        self._by_type: dict[str, list[Profile]] = {}
        for profile in profiles.values():
            if profile.count:
                self._by_type.setdefault(profile.kind.type, []).append(profile)
        self._known: dict[Kind, Found | None] = {}
        self._any: Found | bool | None = False

    def estimate(self, key: str, type_: str, version: str = "", input_bytes: int | None = None) -> Estimate:
        """What one attempt of a subtask will take. ``input_bytes`` is None while the input is not known."""
        kind = Kind(type_, version, None if input_bytes is None else size_class(input_bytes))
        if kind not in self._known:
            self._known[kind] = self._of_kind(kind)
        known = self._known[kind]
        runs = self._precedents.of_type(type_)
        own = None if runs is None else _of_subtask(runs, key, known)
        found = _surer(own, known)
        return UNKNOWN if found is None else _shown(found)

    def _of_kind(self, kind: Kind) -> Found | None:
        """What is known of a kind without the plan."""
        siblings = self._by_type.get(kind.type, [])
        own = [profile for profile in siblings if profile.kind.plain == kind.plain]
        below = self._of_type(siblings, kind) or self._of_all()
        plain = next((profile for profile in own if profile.kind.size is None), None)
        if plain is None:
            return below
        found = _over(plain, below)
        if kind.size is not None and sizes_explain(plain, own):
            sized = next((profile for profile in own if profile.kind == kind), None)
            return found if sized is None else _over(sized, found, sized=True)
        return found

    def _of_type(self, siblings: list[Profile], kind: Kind) -> Found | None:
        """What other versions of the tool took: evidence, but not of this one."""
        others = [profile for profile in siblings if profile.kind.size is None and profile.kind != kind.plain]
        if not others:
            return None
        spread = spread_of(reduce(Profile.merged, others))
        variance = spread.variance + OTHER_VERSION
        return Found(Spread.normal(spread.middle, variance, 1.0), "type", sum(other.count for other in others))

    def _of_all(self) -> Found | None:
        if isinstance(self._any, bool):
            self._any = self._from_all()
        return self._any

    def _from_all(self) -> Found | None:
        plain = [profile for profiles in self._by_type.values() for profile in profiles if profile.kind.size is None]
        if not plain:
            return None
        spread = spread_of(reduce(Profile.merged, plain))
        variance = max(spread.variance, _of(UNKNOWN).variance)
        return Found(Spread.normal(spread.middle, variance, 1.0), "any", sum(profile.count for profile in plain))


def spread_of(profile: Profile) -> Spread:
    """The spread of a profile's durations; it has at least one."""
    logs = profile.logs
    variance = _shrunk(logs.squares, logs.weight)
    if logs.weight < MANY or variance < NARROW**2:
        return Spread.normal(logs.mean, variance, logs.weight)
    shares = [position(share, logs.weight) for share in (0.1, 0.5, 0.9)]
    low, middle, high = (log_of(value) for value in profile.seconds.quantiles(shares))
    return Spread(middle, middle - low, high - middle, logs.weight, variance)


def sizes_explain(plain: Profile, own: Iterable[Profile]) -> bool:
    """Whether the size of the input tells enough about a kind's durations to split it.

    Compares the variance inside the classes with that of all: a kind whose durations only differ by chance, or whose
    sizes hardly differ, stays whole.
    """
    classes = [profile.logs for profile in own if profile.kind.size is not None and profile.count >= CLASS_COUNT]
    freedom = sum(logs.weight - 1 for logs in classes)
    if len(classes) < 2 or freedom <= 0 or plain.logs.variance <= 0:
        return False
    inside = sum(logs.squares for logs in classes) / freedom
    return 1 - inside / plain.logs.variance >= EXPLAINED


def regressions(profiles: Mapping[Kind, Profile]) -> list[Regression]:
    """The kinds that are slower than they were: as a whole, or by size where the size of the input matters."""
    found = []
    for profile in profiles.values():
        slower = profile.regression
        if slower is not None and matters(profile.kind, profiles):
            found.append(slower)
    return found


def matters(kind: Kind, profiles: Mapping[Kind, Profile]) -> bool:
    """Larger inputs alone make no kind slower where the size counts; nor is a size alone slower where it does not."""
    plain = profiles.get(kind.plain)
    own = [profile for profile in profiles.values() if profile.kind.plain == kind.plain]
    return plain is not None and sizes_explain(plain, own) is (kind.size is not None)


def _over(profile: Profile, below: Found | None, sized: bool = False) -> Found:
    """A profile drawn towards what is known without it."""
    own = spread_of(profile)
    middle, doubt = own.middle, own.variance / own.weight
    if below is not None and below.spread.variance > 0:
        share = below.spread.variance / (below.spread.variance + doubt)
        middle = below.spread.middle + share * (own.middle - below.spread.middle)
        doubt *= share
    return Found(_doubtful(own, middle, doubt), "kind", profile.count, sized)


def _doubtful(own: Spread, middle: float, doubt: float) -> Spread:
    """A spread about a middle that may itself be wrong by a variance of ``doubt``."""
    wider = own.around(middle, own.variance + doubt, own.weight)
    return wider.wider(student(own.weight - 1 + PRIOR_WEIGHT)) if own.weight < MANY else wider


def _surer(own: Found | None, known: Found | None) -> Found | None:
    """A kind goes before the earlier runs only where it is narrower: the size of the input told more."""
    if own is None or known is None:
        return own or known
    return known if known.sized and known.spread.width < own.spread.width else own


def _of_subtask(runs: TypeRuns, key: str, known: Found | None) -> Found:
    """The same subtask in earlier runs, drawn towards its like in those runs, and these towards the kind."""
    seen, weight = len(runs.keys.get(key, ())), runs.spread.weight
    doubt = (runs.within + runs.between) / weight
    like = runs.mean + runs.off.middle if runs.off is not None else runs.mean
    drawn = 0.0
    if known is not None and known.spread.variance > 0:
        apart = min(known.spread.variance, (like - known.spread.middle) ** 2)
        share = apart / (apart + doubt)
        drawn, doubt = (1 - share) * (known.spread.middle - like), doubt * share
    middle = like + drawn + runs.drawn(key)
    left = runs.left(seen) + doubt
    if runs.off is not None and seen:
        return Found(Spread(middle, runs.off.below, runs.off.above, weight, left), "subtask", seen)
    shape = runs.spread if weight >= MANY or known is None else known.spread
    spread = shape.around(middle, left, weight).wider(student(weight - 1 + PRIOR_WEIGHT))
    return Found(spread, "subtask", seen)


def _shrunk(squares: float, weight: float) -> float:
    """A variance drawn towards what is usual, the more the fewer observations it rests on."""
    return (squares + PRIOR_WEIGHT * PRIOR_DEVIATION**2) / (max(weight - 1, 0.0) + PRIOR_WEIGHT)


def _of(estimate: Estimate) -> Spread:
    middle = log_of(estimate.seconds)
    below, above = middle - log_of(estimate.low), log_of(estimate.high) - middle
    return Spread(middle, below, above, 1.0, ((below + above) / 2 / Z90) ** 2)


def _shown(found: Found) -> Estimate:
    low, middle, high = (math.exp(found.spread.middle + off) for off in (-found.spread.below, 0.0, found.spread.above))
    return Estimate(middle, 0.0 if low <= FLOOR else low, high, found.count, found.basis)
