"""``agent03 task show ID --timeline``: the attempts of a task over time, made of its events."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from api import schemas
from api.cli.client import Client, place_of
from api.cli.output import say, show
from api.cli.words import pretty
from api.drawings.timeline import LEGEND, Change, Track, chosen, lines, tracks
from engine.times import iso, milliseconds

PAGE = 1000


def print_timeline(client: Client, task_id: str, key: str | None, *, as_json: bool) -> None:
    """Prints when what ran; with a key only that subtask and what grew from it."""
    path = client.get(schemas.GraphView, f"{place_of(task_id)}/graph").critical_path
    changes = (change for change in _changes(client, task_id) if _wanted(change.key, key))
    found = tracks(changes, path, round(1000 * time.time()))
    if as_json:
        show(pretty([_told(track) for track in found]))
        return
    shown = chosen(found)
    console = Console(highlight=False, soft_wrap=True)
    for name, bar, tail in lines(shown, console.width):
        console.print(Text.assemble(name, *bar, "  ", (tail, "dim")))
    show(LEGEND if shown else "nothing of it has run yet")
    if len(found) > len(shown):
        say(f"{len(shown)} of the {len(found):,} subtasks that ran; --json shows all of them")


def _wanted(key: str, wanted: str | None) -> bool:
    return wanted is None or key == wanted or key.startswith(f"{wanted}[")


def _changes(client: Client, task_id: str) -> Iterator[Change]:
    after, more = 0, True
    while more:
        page = client.get(schemas.EventPage, f"{place_of(task_id)}/events", after=after, limit=PAGE)
        for event in page.events:
            if event.key:
                yield Change(event.key, milliseconds(event.at), event.from_ or "", event.to)
        after, more = page.next_after, len(page.events) == PAGE


def _told(track: Track) -> dict[str, object]:
    spans = [
        {"kind": span.kind, "start": iso(span.start), "end": iso(span.end), "status": span.status}
        for span in track.spans
    ]
    return {"key": track.key, "status": track.status, "critical_path": track.critical, "spans": spans}
