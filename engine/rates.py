"""What may be called how often, and how many at a time: as people write it, and what a call asks for. Pure."""

from __future__ import annotations

import re

from engine.model import Value

PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_RATE = re.compile(r"([1-9][0-9]{0,3})/(second|minute|hour|day)")
_SCOPES = ("host", "user")


class Rate(Value, frozen=True):
    """So many in so many seconds, whenever they are counted from."""

    count: int
    period: float

    def __str__(self) -> str:
        name = next((name for name, seconds in PERIODS.items() if seconds == self.period), f"{self.period:g} s")
        return f"{self.count}/{name}"


class Want(Value, frozen=True):
    """What a call asks of a limit: one place in a rate, or among ``most`` at a time. ``name`` is for people."""

    key: str
    name: str
    rate: Rate | None = None
    most: int = 0

    @property
    def words(self) -> str:
        """The limit in words."""
        return f"rate limit of {self.name}: {self.rate}" if self.rate else f"{self.most} at a time of {self.name}"


class Denied(Value, frozen=True):
    """A limit is reached: which one, and after how many seconds it may let one more through; None when nobody knows."""

    want: Want
    wait: float | None = None


def parse_rate(text: str) -> Rate:
    """Reads "10/minute"; raises ``ValueError`` that says what would be right."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'write a rate as "10/minute": 1 to 9999 in a {", ".join(PERIODS)}, not {text!r:.60}')
    return Rate(int(found[1]), PERIODS[found[2]])


def per_minute(number: float) -> Rate:
    """A rate by what begins in a minute; less than one counts over longer than that."""
    return Rate(round(number), 60.0) if number >= 1 else Rate(1, 60.0 / number)


class Rates(Value, frozen=True):
    """The rates of the settings: by subtask type, by host that a tool talks to, and for each user."""

    types: dict[str, Rate]
    hosts: dict[str, Rate]
    user: Rate | None = None


def parse_rates(entries: dict[str, str]) -> Rates:
    """Sorts the rates of the settings by what they limit: "TYPE", "host=NAME" or "user"."""
    types: dict[str, Rate] = {}
    hosts: dict[str, Rate] = {}
    user: Rate | None = None
    for name, text in entries.items():
        scope, equals, rest = name.partition("=")
        if equals and scope == "host" and rest:
            hosts[rest.lower()] = parse_rate(text)
        elif name == "user":
            user = parse_rate(text)
        elif equals:
            raise ValueError(f'write what is limited as a type, "host=NAME" or "user", not {name!r:.60}')
        else:
            types[name] = parse_rate(text)
    return Rates(types, hosts, user)
