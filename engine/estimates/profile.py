"""What has been learned about one kind of subtask, from each attempt that ended: small, mergeable, storable as text."""

from __future__ import annotations

from statistics import median

import msgspec

from engine.estimates.sketch import GAMMA, HALF_LIFE, Sketch
from engine.estimates.spread import Moments, log_of
from engine.model import Value

BLOCK = 12
"""So many durations in a row make the recent median."""
ENOUGH = 24
"""Observations before a kind can be said to have changed."""
NOTICEABLE = 0.01
"""Seconds: a kind that takes only so much longer has not become slower. A busy machine does that to any tool."""
NEW_NORMAL = HALF_LIFE // 2
"""After so many observations at its new level a kind has not regressed any more: that is what it takes now."""
BAR_BLOCKS = 8
"""The bar is taken anew after so many blocks."""
_KEEP = 2 ** (-1 / HALF_LIFE)


class Kind(Value, frozen=True):
    """What attempts are compared with each other: a type, the version of its tool, and the size of the input.

    ``size`` is the binary logarithm of the input's bytes, None for all sizes together.
    """

    type: str
    version: str = ""
    size: int | None = None

    @property
    def text(self) -> str:
        """The kind as part of an id; one text for one kind."""
        return f"{self.type}@{self.version}" + ("" if self.size is None else f"#{self.size}")

    @property
    def plain(self) -> Kind:
        """The same without the size."""
        return self if self.size is None else Kind(self.type, self.version)


def size_class(input_bytes: int) -> int:
    """The size of an input in which it counts: doublings of a byte."""
    return max(input_bytes, 0).bit_length()


class StoredProfile(Value, frozen=True):
    """A profile as the graph keeps it: ``kind`` is the kind's text, ``data`` JSON text, ``engine`` who learned it."""

    kind: str
    data: str
    updated_at: int
    engine: str = ""


class Observation(Value, frozen=True):
    """One attempt that ended. ``seconds`` is None unless it succeeded with work of its own, not from the cache.

    ``retry`` says that it will be repeated. Memory is in bytes, cost in US dollars, 0 where not known; ``cpu`` are
    seconds of processor time, None where not known.
    """

    seconds: float | None
    retry: bool = False
    output_bytes: int = 0
    memory: int = 0
    cost: float = 0.0
    cpu: float | None = None


class Regression(Value, frozen=True):
    """A kind that takes longer than it did: the recent median and the earlier P90 that it exceeds, in seconds."""

    kind: Kind
    now: float
    before: float


class Profile(msgspec.Struct, omit_defaults=True):
    """What is known of a kind. Counts are of all times; durations count the less the older they are.

    ``recent`` is the block of durations that is being filled. ``bar`` is a P90 of what came before it, ``blocks`` ago;
    ``slow`` is the recent median while it is above the bar, and ``since`` counts durations from when that began.
    ``measured`` of the attempts ran in processes of their own: ``cpu`` is what these took in all, ``memory`` the most
    that one of them held, and ``memories`` what each held at most, in bytes.
    """

    kind: Kind
    count: int = 0
    failures: int = 0
    retries: int = 0
    output_bytes: int = 0
    memory: int = 0
    cost: float = 0.0
    updated_at: int = 0
    seconds: Sketch = msgspec.field(default_factory=Sketch)
    logs: Moments = msgspec.field(default_factory=Moments)
    recent: list[float] = []
    bar: float | None = None
    slow: float | None = None
    since: int = 0
    blocks: int = 0
    measured: int = 0
    cpu: float = 0.0
    memories: Sketch = msgspec.field(default_factory=Sketch)

    def add(self, seen: Observation, at: int) -> Regression | None:
        """Takes in one attempt, at a time in milliseconds. Says so when the kind has just become slower.

        Constant time, but for one look at the sketch in some hundred durations.
        """
        self.updated_at = at
        self.retries += seen.retry
        self.cost += seen.cost
        if seen.seconds is None:
            self.failures += 1
            return None
        self.count += 1
        self.output_bytes += seen.output_bytes
        if seen.cpu is not None:
            self._measure(seen.memory, seen.cpu)
        self.seconds.add(seen.seconds)
        self.logs.add(log_of(seen.seconds), _KEEP)
        self.recent.append(seen.seconds)
        return self._look() if len(self.recent) >= BLOCK else None

    def _measure(self, memory: int, cpu: float) -> None:
        self.measured += 1
        self.cpu += cpu
        self.memory = max(self.memory, memory)
        self.memories.add(memory)

    @property
    def attempts(self) -> int:
        """Attempts that ended, well or not."""
        return self.count + self.failures

    @property
    def regression(self) -> Regression | None:
        """That it is slower than it was, while it is."""
        return None if self.slow is None or self.bar is None else Regression(self.kind, self.slow, self.bar)

    def _look(self) -> Regression | None:
        """At the end of a block: has the kind left what it was, or come back?"""
        now, was = median(self.recent), self.slow
        self.recent = []
        # What lies in one bucket of the sketch is not told apart.
        above = self.bar is not None and now > max(self.bar * GAMMA, self.bar + NOTICEABLE)
        self.since = self.since + BLOCK if above else 0
        self.slow = now if above and self.since < NEW_NORMAL else None
        self.blocks += 1
        if self.slow is None and self.count >= ENOUGH and (self.bar is None or self.since or self.blocks >= BAR_BLOCKS):
            self.bar, self.blocks, self.since = self.seconds.quantile(0.9), 0, 0
        return self.regression if was is None else None

    def merged(self, other: Profile) -> Profile:
        """What two engines have learned about a kind, or one about two kinds; the kind stays this one's."""
        slower = max(self, other, key=lambda profile: profile.slow or 0.0)
        return Profile(
            kind=self.kind,
            count=self.count + other.count,
            failures=self.failures + other.failures,
            retries=self.retries + other.retries,
            output_bytes=self.output_bytes + other.output_bytes,
            memory=max(self.memory, other.memory),
            cost=self.cost + other.cost,
            updated_at=max(self.updated_at, other.updated_at),
            seconds=self.seconds.merged(other.seconds),
            logs=self.logs.merged(other.logs),
            bar=slower.bar,
            slow=slower.slow,
            measured=self.measured + other.measured,
            cpu=self.cpu + other.cpu,
            memories=self.memories.merged(other.memories),
        )

    def copy(self) -> Profile:
        """The same, for what must not change while it is read."""
        return msgspec.structs.replace(
            self,
            seconds=self.seconds.scaled(),
            logs=msgspec.structs.replace(self.logs),
            recent=[*self.recent],
            memories=self.memories.scaled(),
        )

    def encode(self) -> str:
        """The profile as JSON text."""
        return _ENCODER.encode(self.copy()).decode()

    @staticmethod
    def decode(text: str) -> Profile:
        """The profile in a text. Raises ``msgspec.ValidationError`` when it is none."""
        return _DECODER.decode(text)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Profile)
