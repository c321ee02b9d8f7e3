"""Times as text: the engine counts milliseconds since 1970, people and the API read ISO-8601."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(milliseconds: int) -> str:
    """A time in UTC with milliseconds, such as 2026-11-21T10:15:30.123Z."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_or_none(milliseconds: int | None) -> str | None:
    """The same of a time that there may not be."""
    return None if milliseconds is None else iso(milliseconds)


def milliseconds(moment: str) -> int:
    """A time in milliseconds: what ``iso`` was made of."""
    return (datetime.fromisoformat(moment) - _EPOCH) // timedelta(milliseconds=1)
