"""The attempts of a task over time, as lines of text: what waited, what ran when, what was repeated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from api.drawings.looks import look_of
from api.drawings.scene import brief, line_of

ROWS = 40
"""Subtasks that a timeline shows unless more are asked for."""
LEAST_BARS = 20


class Change(NamedTuple):
    """A subtask was in one state and is in another since ``at``, in milliseconds."""

    key: str
    at: int
    source: str
    status: str


class Span(NamedTuple):
    """What a subtask did for a while: ``wait`` for a slot, ``run``, or ``pause`` before a repeat; how a run ended."""

    kind: str
    start: int
    end: int
    status: str = ""


@dataclass(slots=True)
class Track:
    """A subtask over time."""

    key: str
    spans: list[Span] = field(default_factory=list)
    critical: bool = False
    status: str = ""

    @property
    def runs(self) -> list[Span]:
        """Its attempts."""
        return [span for span in self.spans if span.kind == "run"]

    @property
    def start(self) -> int:
        """When it first ran."""
        return self.runs[0].start

    @property
    def milliseconds(self) -> int:
        """How long its attempts took together."""
        return sum(span.end - span.start for span in self.runs)


LEGEND = "█ ran  x failed  ▶ runs  ▒ was stopped  · waited for a slot  - for the next attempt  * on the critical path"
_RUNS = {"completed": "█", "processing": "▶", "failed": "x", "retrying": "x", "quarantined": "x"}
_KINDS = {"ready": "wait", "processing": "run", "retrying": "pause"}


def tracks(changes: Iterable[Change], path: Collection[str], now: int) -> list[Track]:
    """Every subtask that ran, in the order of their first attempts; what still runs ends ``now``."""
    found: dict[str, Track] = {}
    since: dict[str, Change] = {}
    on_path = frozenset(path)
    for change in changes:
        track = found.setdefault(change.key, Track(change.key, critical=change.key in on_path))
        before = since.get(change.key)
        if before and before.status in _KINDS and (change.at > before.at or before.status == "processing"):
            track.spans.append(Span(_KINDS[before.status], before.at, max(before.at, change.at), change.status))
        since[change.key] = change
        track.status = change.status
    for change in since.values():
        if change.status in _KINDS:
            found[change.key].spans.append(Span(_KINDS[change.status], change.at, max(change.at, now), change.status))
    return sorted((track for track in found.values() if track.runs), key=lambda track: track.start)


def chosen(rows: Sequence[Track], most: int = ROWS) -> list[Track]:
    """At most so many: the critical path, what failed or was repeated, then what took longest; in order."""
    if len(rows) <= most:
        return list(rows)
    ranked = sorted(
        range(len(rows)),
        key=lambda number: (not rows[number].critical, not _stands_out(rows[number]), -rows[number].milliseconds),
    )
    return [rows[number] for number in sorted(ranked[:most])]


def _stands_out(track: Track) -> bool:
    return len(track.runs) > 1 or track.status in ("failed", "quarantined")


class Line(NamedTuple):
    """A line of a timeline: the name, the bar as (text, colour), and what follows it."""

    name: str
    bar: list[tuple[str, str]]
    tail: str


def lines(rows: Sequence[Track], width: int) -> list[Line]:
    """The tracks as lines of ``width`` letters; the first one is the scale."""
    if not rows:
        return []
    begin = min(track.spans[0].start for track in rows)
    end = max(track.spans[-1].end for track in rows)
    names = min(max(len(track.key) for track in rows) + 3, max(14, width // 3))
    tails = [_tail(track) for track in rows]
    bars = max(LEAST_BARS, width - names - max(map(len, tails)) - 2)
    made = [Line(" " * names, [(_scale(begin, end, bars), "dim")], "")]
    for track, tail in zip(rows, tails, strict=True):
        name = f"{'*' if track.critical else ' '} {line_of(track.key, names - 3)}"
        made.append(Line(name.ljust(names), _bar(track, begin, end, bars), tail))
    return made


def _tail(track: Track) -> str:
    runs = len(track.runs)
    times = f" in {runs} attempts" if runs > 1 else ""
    told = "" if track.status == "completed" else f" {track.status}"
    return f"{brief(track.milliseconds / 1000)}{times}{told}"


def _scale(begin: int, end: int, width: int) -> str:
    whole = brief((end - begin) / 1000)
    start = datetime.fromtimestamp(begin / 1000, UTC).strftime("%H:%M:%SZ")
    half = brief((end - begin) / 2000)
    return f"{start:<{width // 2}}{'+' + half:<{width - width // 2 - len(whole) - 1}}+{whole}"


def _bar(track: Track, begin: int, end: int, width: int) -> list[tuple[str, str]]:
    """One letter for each slice of time: what went on there that counts most."""
    cells = [(" ", "")] * width
    long = max(1, end - begin)
    for span in sorted(track.spans, key=lambda span: ("wait", "pause", "run").index(span.kind)):
        first = min(width - 1, (span.start - begin) * width // long)
        last = min(width - 1, max(first, ((span.end - begin) * width - 1) // long))
        for cell in range(first, last + 1):
            cells[cell] = _letter(span)
    made: list[tuple[str, str]] = []
    for letter, colour in cells:
        if made and made[-1][1] == colour:
            made[-1] = (made[-1][0] + letter, colour)
        else:
            made.append((letter, colour))
    return made


def _letter(span: Span) -> tuple[str, str]:
    if span.kind == "wait":
        return "·", "dim"
    if span.kind == "pause":
        return "-", "yellow"
    look = look_of("failed" if span.status == "retrying" else span.status)
    return _RUNS.get(span.status, "▒"), look.colour
