"""What a stored subtask carries for its own running, as compact JSON: the one format that writer and reader share.

Whatever has its default is left out, so that most of a large plan is stored as ``{}``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.model import Json

DEFAULT_LIMIT = 10_000
"""Items that a map may have unless its plan says otherwise."""
DEFAULT_PRIORITY = 5


class Refs(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which subtasks a value refers to: by key their place in the plan, and whether they are mapped.

    The output of a mapped one is the list of its items' outputs. ``previous`` lists the declared dependencies when the
    value uses ``previous_output``. An empty ``Refs`` says that the value has other references or escaped braces.
    """

    previous: list[tuple[str, int, bool]] = []
    keys: dict[str, tuple[int, bool]] = {}


class MapSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a mapped subtask expands, and what its items inherit. ``refs`` are those of ``over`` alone."""

    over: Any
    limit: int = DEFAULT_LIMIT
    refs: Refs | None = None
    priority: int = DEFAULT_PRIORITY
    generation: int = 0
    rank: float = 1.0


class Spec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that running a subtask needs beside its id, key and type.

    ``refs`` is None when ``input`` can be used as it stands. ``timeout`` is seconds for one attempt; None leaves it to
    the settings. A mapped subtask has ``map``; its ``input`` is the template of its items. An item has ``item`` and
    ``index``.
    """

    input: Any = {}
    refs: Refs | None = None
    timeout: float | None = None
    critical: bool = True
    on_interrupt: str | None = None
    map: MapSpec | None = None
    item: Any = msgspec.UNSET
    index: int | msgspec.UnsetType = msgspec.UNSET

    def encode(self) -> str:
        """The stored text; equal specs give equal text."""
        return _ENCODER.encode(self).decode()

    @staticmethod
    def decode(text: str) -> Spec:
        """The spec in a stored text. Each call gives its own values, free to be changed."""
        return Spec() if text == "{}" else _DECODER.decode(text)


def task_input(body: str) -> Json:
    """The task's input in the stored body of a task; None when it has none."""
    return _BODY.decode(body).input


class _Body(msgspec.Struct):
    input: Any = None


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Spec)
_BODY = msgspec.json.Decoder(_Body)
