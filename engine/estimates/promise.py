"""What was said about a task when it came in, as text, and what became of it."""

from __future__ import annotations

import msgspec

from engine.estimates.prediction import Prediction


def encode(prediction: Prediction) -> str:
    """A prediction as JSON text."""
    return msgspec.json.encode(prediction).decode()


def decode(text: str | None) -> Prediction | None:
    """The prediction in a text."""
    return None if text is None else msgspec.json.decode(text, type=Prediction)


def punctuality(text: str | None, seconds: float) -> str:
    """Whether a run of so many seconds was early or late by what was foretold of it; empty when it was neither."""
    foretold = decode(text)
    if foretold is None or foretold.low <= seconds <= foretold.high:
        return ""
    word = "early" if seconds < foretold.low else "late"
    return f"{word}: {seconds:.3g} s, expected {foretold.low:.3g} to {foretold.high:.3g} s"


def overdue(text: str | None) -> str:
    """What is told of a task that is late and goes on; empty where nothing was foretold."""
    foretold = decode(text)
    return "" if foretold is None else f"expected to take {foretold.low:.3g} to {foretold.high:.3g} s, and it goes on"


def late(text: str | None, seconds: float) -> bool:
    """Whether a run that has lasted so long is later than was foretold: beyond P90."""
    foretold = decode(text)
    return foretold is not None and seconds > foretold.high
