"""How far one callback is, and what follows from an answer: pure decisions.

2xx is success, 410 ends it, everything else is tried again: after five seconds, then ever later with some chance in it,
so that many do not come back at one moment. What fails for a day is given up.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from engine.plan.happenings import ALL, FINAL_NAMES
from engine.tools.http_request import delay_of

LONGEST_SECONDS = 3600.0
"""Longest pause between two attempts."""
PATIENCE_SECONDS = 24 * 3600.0
"""How long a callback may fail before it is given up."""
ERROR_CHARACTERS = 500
GONE = 410
MASKED = "***"


class Place(msgspec.Struct, omit_defaults=True):
    """One callback: all its events up to ``after`` are dealt with, ``delivered`` is the last one that arrived."""

    url: str
    events: list[str]
    after: int = 0
    delivered: int = 0
    failures: int = 0
    failing_since: int | None = None
    error: str = ""
    given_up: bool = False
    done: bool = False

    def wants(self, name: str) -> bool:
        """Whether it asks for events of that name."""
        return name in self.events or ALL in self.events

    @property
    def only_the_end(self) -> bool:
        """Whether it asks for nothing of a task that is open."""
        return set(self.events).issubset(FINAL_NAMES)

    def arrived(self, number: int) -> None:
        """The receiver has an event."""
        self.after = self.delivered = number
        self.failures, self.failing_since, self.error = 0, None, ""

    def failed(self, error: str, now: int, first: float, asked: float, chance: random.Random) -> float | None:
        """The receiver has it not; the seconds after which to try again, None when it is given up.

        Args:
            error: why.
            now: milliseconds since 1970.
            first: the first pause, seconds.
            asked: the least pause that the receiver asks for, seconds.
            chance: spreads the pauses.
        """
        self.failing_since = now if self.failing_since is None else self.failing_since
        self.failures += 1
        self.error = error[:ERROR_CHARACTERS]
        if now - self.failing_since >= 1000 * PATIENCE_SECONDS:
            self.give_up(error)
            return None
        return max(asked, pause(self.failures, first, chance))

    def give_up(self, error: str) -> None:
        """Nothing more is told."""
        self.error = error[:ERROR_CHARACTERS]
        self.given_up = self.done = True


class Answer(msgspec.Struct, frozen=True):
    """What came back: ``outcome`` is delivered, failed or gone."""

    outcome: str
    error: str = ""
    asked: float = 0.0


def judge(status: int, headers: Mapping[str, str], now: int) -> Answer:
    """What an answer means."""
    if 200 <= status < 300:
        return Answer("delivered")
    if status == GONE:
        return Answer("gone", "the receiver answered 410: it wants nothing more")
    what = "a redirect, which is not followed" if 300 <= status < 400 else "no success"
    asked = delay_of(headers.get("retry-after"), datetime.fromtimestamp(now / 1000, UTC))
    return Answer("failed", f"the receiver answered {status}: {what}", asked or 0.0)


def pause(failures: int, first: float, chance: random.Random) -> float:
    """Seconds until the next attempt: they double up to an hour, and chance takes up to half of them."""
    whole = min(LONGEST_SECONDS, first * 2.0 ** min(failures - 1, 30))
    return whole * chance.uniform(0.5, 1.0)


def receiver_of(url: str) -> str:
    """Scheme, host and port: what shares one line."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def masked(url: str) -> str:
    """The address without the values of its query, which may be secrets."""
    parts = urlsplit(url)
    named = [name + "=" + MASKED if equals else MASKED for name, equals, _ in map(_pair, parts.query.split("&"))]
    return parts._replace(query="&".join(named) if parts.query else "").geturl()


def _pair(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def encode(places: Sequence[Place]) -> str:
    """Places as text."""
    return msgspec.json.encode(places).decode()


def decode(text: str) -> list[Place]:
    """Places from text."""
    return _DECODER.decode(text)


_DECODER = msgspec.json.Decoder(list[Place])
