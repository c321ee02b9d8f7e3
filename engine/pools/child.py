"""A worker process of the pool. A script: the engine starts it, one for each call at the same time, and keeps it.

It is told first where Python finds what the engine finds, and which tools to load; it says which of them it cannot.
Then it runs one call after another. What is printed goes to stderr, so it cannot mix with the answers; a NUL there says
that all that a call has printed was before it. It is cancelled by being killed, which needs nothing of it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from typing import Any

HEADER = 8


def main() -> None:
    """Serves calls until nobody sends any more."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a line is a sign of life when it is printed
    first = read(asked)
    if first is None:
        return
    start = json.loads(first)
    sys.path[:] = start["path"]
    serve(asked, answers, start)


def serve(asked: Any, answers: int, start: dict[str, Any]) -> None:
    """Loads the tools, and runs calls."""
    import asyncio

    from engine.errors import SettingsError
    from engine.pools.calls import Told, call_of, encoded
    from engine.pools.performing import Performer
    from engine.settings import Settings

    writing = threading.Lock()

    def tell(told: Told) -> None:
        with writing:
            write(answers, encoded(told))

    performer = Performer(Settings.model_validate(start["settings"]))
    faults = {}
    for name, origin in start["tools"]:
        try:
            performer.load(name, origin)
        except SettingsError as error:
            faults[name] = str(error)
    write(answers, json.dumps(faults).encode())
    with asyncio.Runner() as runner:
        while (data := read(asked)) is not None:
            end = runner.run(performer.perform(call_of(data), tell))
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # the tool may have closed or replaced it
                    stream.flush()
            with suppress(OSError):
                os.write(2, b"\0")
            tell(end)


def read(asked: Any) -> bytes | None:
    """The next message; None when no more comes."""
    header = asked.read(HEADER)
    if len(header) < HEADER:
        return None
    data: bytes = asked.read(int.from_bytes(header, "big"))
    return data


def write(answers: int, data: bytes) -> None:
    """Sends a message."""
    data = len(data).to_bytes(HEADER, "big") + data
    while data:
        data = data[os.write(answers, data) :]


if __name__ == "__main__":
    main()
