"""What goes to another process for one call, and what comes back. Pure, and the same on both sides.

Each message is JSON with its length before it, so numbers of any size arrive as they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.errors import Category, ToolError
from engine.model import Expand, Json, Value

HEADER = 8
"""Bytes of the length before each message, the most significant first."""
ROOM = 65_536
"""Bytes that a message may have beside its payload."""


class Call(Value, frozen=True):
    """One call. ``origin`` says where its tool is found; ``seconds`` is what is left for it.

    Limits are those of this call: MiB of data, seconds of processor time, bytes of output; None for no bound.
    """

    tool: str
    origin: str
    input: Json
    task_id: str
    subtask_id: str
    key: str
    token: int
    seconds: float
    reduction: int = 0
    approved: bool = False
    memory_mb: int | None = None
    cpu_seconds: float | None = None
    output_bytes: int | None = None


class Wrong(Value, frozen=True):
    """An error of a tool; the fields are those of ``ToolError``."""

    message: str
    category: str
    suggestion: str = ""
    output: Json = None
    delay: float | None = None
    crashed: bool = False
    repeat: bool | None = None


class Begun(Value, frozen=True, tag="begun"):
    """The call runs. ``place`` says where."""

    place: str = ""


class Sign(Value, frozen=True, tag="sign"):
    """A sign of life."""


class Line(Value, frozen=True, tag="line"):
    """A line for the log of the subtask."""

    level: str
    message: str
    fields: Mapping[str, Json] = {}


class Rest(Value, frozen=True, tag="rest"):
    """What the tool talks to wants to be left alone for so many seconds."""

    seconds: float


class Failed(Value, frozen=True, tag="failed"):
    """Whoever was to run the call says that it cannot, or that it is lost: ``how`` in one word."""

    how: str
    words: str = ""


class End(Value, frozen=True, tag="end"):
    """What came of it: ``value``, or an expansion, or an error; and what it took."""

    value: Json = None
    expand: Expand | None = None
    error: Wrong | None = None
    place: str = ""
    memory_bytes: int = 0
    cpu_seconds: float = 0.0


Told = Begun | Sign | Line | Rest | Failed | End
"""What the far side says of a call."""

_told: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
_call = msgspec.json.Decoder(Call)


def encoded(message: Value) -> bytes:
    """A message as bytes."""
    return msgspec.json.encode(message)


def framed(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return len(data).to_bytes(HEADER, "big") + data


def told_of(data: bytes) -> Told:
    """What the far side says; raises ``msgspec.MsgspecError`` for anything else."""
    return _told.decode(data)


def call_of(data: bytes) -> Call:
    """A call as it was sent."""
    return _call.decode(data)


def wrong_of(error: ToolError) -> Wrong:
    """An error of a tool, to be sent; what it had produced goes along as far as it is JSON."""
    try:
        output = msgspec.json.decode(msgspec.json.encode(error.output))
    except (TypeError, ValueError, RecursionError):
        output = None
    repeat = error.repeat
    return Wrong(str(error), error.category.value, error.suggestion, output, error.delay, error.crashed, repeat)


def error_of(wrong: Wrong) -> ToolError:
    """The error as if the tool had raised it here."""
    error = ToolError(
        wrong.message,
        category=Category(wrong.category),
        suggestion=wrong.suggestion,
        output=wrong.output,
        delay=wrong.delay,
        crashed=wrong.crashed,
    )
    error.repeat = wrong.repeat
    return error


def returned(end: End) -> Json:
    """What a tool has returned; raises what it has raised."""
    if end.error is not None:
        raise error_of(end.error)
    return end.value if end.expand is None else end.expand
