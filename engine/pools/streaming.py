"""The far side of a call in a worker of Ray: what happens on the way, and at the end what came of it, as a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from engine.errors import Category
from engine.pools.calls import Begun, Call, End, Told, Wrong, call_of, encoded
from engine.pools.performing import Performer
from engine.settings import Settings

BEGUN_SECONDS = 0.5
"""A call that has ended by then need not say that it runs."""
_performers: dict[str, Performer] = {}
"""By what the engine lets them know: a worker of Ray serves one engine after the other."""


def stream(body: bytes, settings: dict[str, Any], place: str) -> Iterator[bytes]:
    """Runs a call, and yields what is to be told of it; the last is ``End``. ``place`` is this node."""
    call = call_of(body)
    told: SimpleQueue[Told] = SimpleQueue()
    threading.Thread(target=_run, args=(_performer(settings), call, told), daemon=True).start()
    begun = False
    while True:
        try:
            one = told.get(timeout=None if begun else BEGUN_SECONDS)
        except Empty:
            one = Begun(place)
        if isinstance(one, End):
            yield encoded(msgspec.structs.replace(one, place=place))
            return
        if not begun and not isinstance(one, Begun):
            yield encoded(Begun(place))
        begun = True
        yield encoded(one)


def _run(performer: Performer, call: Call, told: SimpleQueue[Told]) -> None:
    try:
        told.put(asyncio.run(performer.perform(call, told.put)))
    except BaseException as error:  # whoever waits has to hear of an end
        told.put(End(error=Wrong(f"{type(error).__name__}: {error}", Category.LOGIC.value)))


def _performer(settings: dict[str, Any]) -> Performer:
    key = repr(sorted(settings.items()))
    found = _performers.get(key)
    if found is None:
        found = _performers[key] = Performer(Settings.model_validate(settings))
    return found
