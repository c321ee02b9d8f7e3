"""The live display of a task on a terminal: a line for each subtask or group, by generation, redrawn by rich."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from api.cli.board import Board, Gap, Node, Row
from api.cli.progress import Display, PlainDisplay, Tally
from api.drawings.looks import look_of
from api.drawings.scene import brief, line_of
from engine.model import Event, Json

REDRAWN_A_SECOND = 4
BAR = 16
"""Letters of a group's bar."""
HEAD_LINES = 3
"""Lines that the rows leave to what is said of the whole task."""
OUTLINED = 20_000
"""Subtasks up to which a display asks for the plan before it shows it."""


def display_for(total: int, nodes: Sequence[Node] = (), *, console: Console | None = None) -> Display:
    """The display that suits ``console``, or stderr: ``nodes`` are what is known of the plan."""
    console = console or terminal()
    return TreeDisplay(total, nodes, console) if console.is_terminal else PlainDisplay(total)


def terminal() -> Console:
    """Where people look."""
    return Console(stderr=True)


def nodes_of(drawn: Mapping[str, Json]) -> list[Node]:
    """What a board needs of a task's graph."""
    return [Node(node["key"], node["type"], node["generation"]) for node in drawn["nodes"]]


class TreeDisplay:
    """Shows the events of one task as they come in; the last state stays on the screen."""

    def __init__(
        self,
        total: int,
        nodes: Sequence[Node],
        console: Console,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tally = Tally(total)
        self._board = Board(nodes)
        self._console = console
        self._clock = clock
        self._begun = 0
        self._told = ""
        self._live = Live(
            console=console, get_renderable=lambda: self, refresh_per_second=REDRAWN_A_SECOND, transient=False
        )

    def __enter__(self) -> Self:
        """Starts to draw."""
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops drawing; what was foretold is over."""
        self._told = ""
        self._live.stop()

    def tell(self, line: str) -> None:
        """Shows it below the counts until something else is told; of times only the hour, to fit the line."""
        self._told = re.sub(r"\d{4}-\d\d-\d\dT([\d:]{8})\.\d+Z", r"\1Z", line)

    def see(self, event: Event) -> None:
        """Takes in one event; it is drawn with the next picture."""
        at = event.at or round(1000 * self._clock())
        self._begun = self._begun or at
        if event.key:
            self._tally.add(event)
            self._board.see(event.key, event.status, at)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The picture as of now."""
        now = round(1000 * self._clock())
        yield self._head(now)
        if self._told:
            yield Text(self._told, style="dim", overflow="ellipsis", no_wrap=True)
        room = max(3, console.height - HEAD_LINES)
        yield from tree(self._board, options.max_width, room, now)

    def _head(self, now: int) -> Text:
        tally = self._tally
        share = 100 * tally.settled // max(1, tally.total)
        head = Text.assemble((f"{tally.settled:,}/{tally.total:,}", "bold"), f"  {share} %  {len(tally.running):,} run")
        head.append(f"  {tally.bad:,} without success" if tally.bad else "", style="red")
        return head.append(f"  {brief(max(0, now - (self._begun or now)) / 1000)}", style="dim")


def tree(board: Board, width: int, height: int, now: int) -> Iterator[Text]:
    """The rows of a board that fit ``height`` lines of ``width`` letters; ``now`` in milliseconds."""
    shown = board.window(height)
    rows = [row for row in shown if isinstance(row, Row)]
    names = min(max((len(row.name) + 2 * row.depth for row in rows), default=0), max(12, width // 2))
    generation: int | None = None
    for row in shown:
        if isinstance(row, Gap):
            line = Text(f"      … {row.rows:,} more: {_counts(row.counts)}", style="dim")
        else:
            line = _line(row, names, now, "" if row.generation == generation else str(row.generation))
            generation = row.generation
        line.no_wrap, line.overflow = True, "ellipsis"
        line.truncate(width)
        yield line


def _line(row: Row, names: int, now: int, generation: str) -> Text:
    look = look_of(row.status)
    name = line_of(row.name, max(8, names - 2 * row.depth))
    line = Text.assemble((f"{generation:>4} ", "dim"), "  " * row.depth, (look.sign, look.colour), " ")
    line.append(f"{name:<{max(0, names - 2 * row.depth)}} ")
    if len(row.statuses) == 1:
        return line.append_text(_single(row, now)).append(f"  {row.type}", style="dim")
    return line.append_text(_group(row, now)).append(f"  {row.type}", style="dim")


def _single(row: Row, now: int) -> Text:
    if row.running:
        return Text(f" {brief(_age(row, now))}", style="blue")
    took = "" if row.seconds is None else f" {brief(row.seconds)}"
    return Text(took, style="dim") if row.status == "completed" else Text(f" {row.status}{took}")


def _group(row: Row, now: int) -> Text:
    count = len(row.statuses)
    full = BAR * row.settled // count
    colour = look_of(row.status).colour
    text = Text.assemble((" " + "━" * full, colour), ("─" * (BAR - full), "dim"), f" {row.settled:,}/{count:,}")
    rest = Counter({status: number for status, number in row.counts.items() if status not in ("completed", "pending")})
    text.append(f"  {_counts(rest)}" if +rest else "")
    return text.append(f", the longest for {brief(_age(row, now))}" if row.running else "", style="dim")


def _age(row: Row, now: int) -> float:
    return max(0, now - min(row.running.values())) / 1000


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {status}" for status, number in sorted(counts.items()) if number > 0)
