"""What a stored subtask carries for its own running, as compact JSON: the one format that writer and reader share.

Whatever has its default is left out, so that most of a large plan is stored as ``{}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.plan.ids import subtask_id

DEFAULT_LIMIT = 10_000
"""Items that a map may have unless its plan says otherwise."""
DEFAULT_PRIORITY = 5


Place = int | str
"""Where a subtask is in its task: its number in the plan; of one that grew, the numbers on the way to it as text."""


def place_id(task_id: str, place: Place) -> str:
    """The id of the subtask at a place."""
    return subtask_id(task_id, place) if isinstance(place, int) else f"{task_id}.{place}"


class Refs(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which subtasks a value refers to: by key their place in the plan, and whether they are mapped.

    The output of a mapped one is the list of its items' outputs. ``previous`` lists the declared dependencies when the
    value uses ``previous_output``. ``secrets`` are the names of those that it uses. An empty ``Refs`` says that the
    value has other references or escaped braces.
    """

    previous: list[tuple[str, Place, bool]] = []
    keys: dict[str, tuple[Place, bool]] = {}
    secrets: list[str] = []


class MapSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a mapped subtask expands, and what its items inherit. ``refs`` are those of ``over`` alone.

    One that goes over the items of another map (``follows``) is a later stage of its chain: ``lane`` is the order key
    that all stages share, ``stage`` counts from 0, and ``span`` is how many items of the first stage go into one item.
    """

    over: Any
    limit: int = DEFAULT_LIMIT
    batch: int = 1
    refs: Refs | None = None
    priority: int = DEFAULT_PRIORITY
    rank: float = 1.0
    lane: str = ""
    stage: int = 0
    span: int = 1
    follows: Place | None = None


class RetrySpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """When and how often a failed attempt is repeated; waits in seconds, None leaves them to the settings."""

    max_attempts: int = 3
    backoff: float | None = None
    max_backoff: float | None = None
    jitter: bool = True
    on: list[str] | None = None


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ``run_if`` other than the default: one of the four names, or an expression in CEL.

    ``keys`` are the subtasks that the expression names: by key their place in the plan, and whether they are mapped.
    """

    name: str = ""
    expression: str = ""
    keys: dict[str, tuple[Place, bool]] = {}


class FallbackSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What takes over when no attempt is left."""

    type: str
    input: Any = {}
    refs: Refs | None = None


class LimitSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A limit that a subtask shares with all that give the same key: ``rate`` as "10/minute", "" for none, and how
    many may run at the same time, 0 for any number. ``key`` may hold expressions in CEL in double braces.
    """

    key: str
    rate: str = ""
    concurrency: int = 0


class Spec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that running a subtask needs beside its id, key and type.

    ``refs`` is None when ``input`` can be used as it stands. ``timeout`` is seconds for one attempt, ``idle`` without
    a sign of life, ``queue`` from ready to started, ``total`` for all attempts together from the first one's start;
    None leaves the first to the settings and the others open. ``run_if`` is None for the default. A mapped subtask has
    ``map``; its ``input`` is the template of its items. An item has ``index``, and ``item`` (of a batch ``items``) or
    the places of the items that it follows, ``upstream``, whose outputs are that. ``implied`` are the places in the
    plan of dependencies that only references add. ``reuse`` is for how many seconds its output may be used again,
    whatever its type says of itself; 0 forbids it, None leaves it to the type and the settings. ``approval`` asks for a
    person before it runs; the items of a mapped one ask each for itself. ``capabilities`` are those that it requires,
    ``limits`` those that it shares with others.
    """

    input: Any = {}
    refs: Refs | None = None
    timeout: float | None = None
    idle: float | None = None
    queue: float | None = None
    total: float | None = None
    critical: bool = True
    optional: bool = False
    retry: RetrySpec | None = None
    run_if: Condition | None = None
    fallback: FallbackSpec | None = None
    on_interrupt: str | None = None
    reuse: float | None = None
    approval: bool = False
    capabilities: list[str] = []
    limits: list[LimitSpec] = []
    implied: list[Place] = []
    map: MapSpec | None = None
    item: Any = msgspec.UNSET
    items: Any = msgspec.UNSET
    upstream: list[str] = []
    index: int | msgspec.UnsetType = msgspec.UNSET

    def encode(self) -> str:
        """The stored text; the fields of the input keep their order."""
        return _ENCODER.encode(self).decode()

    def at(self, requires: Sequence[str]) -> Spec:
        """The spec of an attempt for which more is required of whoever runs it."""
        if not requires:
            return self
        return msgspec.structs.replace(self, capabilities=list(dict.fromkeys((*self.capabilities, *requires))))

    def running(self, type_: str, fell_back: bool) -> tuple[str, Spec]:
        """The type and spec that run: the fallback's, once it has taken over."""
        if not fell_back or self.fallback is None:
            return type_, self
        return self.fallback.type, msgspec.structs.replace(self, input=self.fallback.input, refs=self.fallback.refs)

    @staticmethod
    def decode(text: str) -> Spec:
        """The spec in a stored text. Each call gives its own values, free to be changed."""
        return Spec() if text == "{}" else _DECODER.decode(text)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Spec)
