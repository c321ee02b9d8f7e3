"""Fuzzing by the clock: ``FUZZ_MINUTES=60 python -m tests.fuzz [TARGET ...]``, or ``make fuzz``.

Inputs are bytes, from which Hypothesis makes examples of a target's strategy. Those that reach lines of ours that no
earlier one has reached are kept in ``.fuzz/TARGET`` and changed further; the next run begins with them. An input that
is answered wrongly or too late is written to ``.fuzz/faults``, told, and ends the run with 1; one that hangs or crashes
the process is what ``.fuzz/last`` holds.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import logging
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import structlog
from hypothesis import HealthCheck, given, settings

from tests.support.fuzzing import SECONDS, TARGETS

PLACE = Path(".fuzz")
OURS = tuple(str(Path(__file__).parent.parent / folder) + os.sep for folder in ("engine", "graph", "api"))
ROUND_SECONDS = 20.0
"""Of one target, before it is the next one's turn."""
MOST_BYTES = 8_192
TOLD_CHARACTERS = 1_500
TOLD_CALLS = 12
TRACED = 4
"""So many times as long everything takes while its lines are counted."""
HANGS_SECONDS = 60.0
"""An input that takes so long ends the run from outside of Python."""


class Late(Exception):
    """An answer came too late."""


def tried(name: str, example: object, seconds: float = SECONDS) -> None:
    """Throws an example at a target. Raises whatever it should not have raised, and ``Late`` after ``seconds``."""
    target = TARGETS[name]
    started = time.thread_time()
    with contextlib.suppress(target.refusals):
        target.run(example)
    if (took := time.thread_time() - started) > seconds:
        raise Late(f"{name} took {took:.1f} s")


class Reached:
    """The lines of ours that have been reached, and how many are new since somebody asked."""

    def __init__(self) -> None:
        self._known: set[tuple[CodeType, int]] = set()
        self._new = 0

    def trace(self, frame: FrameType, event: str, _: object) -> Any:
        """For ``sys.settrace``."""
        return self._line if event == "call" and frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and (place := (frame.f_code, frame.f_lineno)) not in self._known:
            self._known.add(place)
            self._new += 1
        return self._line

    def news(self) -> int:
        """How many lines are new; asked again, none of them is."""
        found, self._new = self._new, 0
        return found

    def __len__(self) -> int:
        return len(self._known)


class Corpus:
    """The inputs of one target that are worth to be changed."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self._folder = PLACE / name.replace(" ", "-")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._chance = chance
        self.inputs = [file.read_bytes() for file in sorted(self._folder.iterdir())]

    def keep(self, data: bytes) -> None:
        """Keeps one."""
        self.inputs.append(data)
        (self._folder / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)

    def next(self) -> bytes:
        """Another one: by chance, or made from those that there are."""
        chance = self._chance
        if not self.inputs or chance.random() < 0.3:
            return chance.randbytes(int(2 ** chance.uniform(2, 12)))
        data = bytearray(chance.choice(self.inputs))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    data[at:at] = chance.randbytes(chance.randint(1, 16))
                case 2:
                    del data[at : at + chance.randint(1, 16)]
                case 3:
                    other = chance.choice(self.inputs)
                    data[at:] = other[chance.randrange(len(other) + 1) :]
                case _:
                    data[at : at + 1] = bytes([chance.choice((0, 1, 127, 128, 255))])
        return bytes(data[:MOST_BYTES])


def fuzzed(name: str) -> tuple[Callable[[bytes], object], list[object]]:
    """What takes bytes and throws the example in them at a target, and where it leaves that example."""
    last: list[object] = []

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TARGETS[name].strategy)
    def run(example: object) -> None:
        last[:] = [example]
        tried(name, example, TRACED * SECONDS)

    return run.hypothesis.fuzz_one_input, last  # type: ignore[attr-defined]


def go(name: str, seconds: float, corpus: Corpus, reached: Reached) -> tuple[int, bool]:
    """Tries a target for so long; how many inputs there were, and whether all were answered as they should be."""
    run, last = fuzzed(name)
    end, number = time.monotonic() + seconds, 0
    waiting = [] if len(reached) else list(corpus.inputs)
    while time.monotonic() < end:
        data = waiting.pop() if waiting else corpus.next()
        (PLACE / "last").write_bytes(name.encode() + b"\n" + data)
        faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True)
        sys.settrace(reached.trace)
        try:
            run(data)
        except BaseException as error:
            sys.settrace(None)
            if isinstance(error, KeyboardInterrupt):
                raise
            _tell(name, data, last, error)
            return number, False
        finally:
            sys.settrace(None)
            faulthandler.cancel_dump_traceback_later()
        number += 1
        if reached.news() and data not in corpus.inputs:
            corpus.keep(data)
    return number, True


def _tell(name: str, data: bytes, last: list[object], error: BaseException) -> None:
    faults = PLACE / "faults"
    faults.mkdir(exist_ok=True)
    text = f"{name}: {repr(last[0])[:TOLD_CHARACTERS] if last else data!r}\n"
    text += "".join(traceback.format_exception(error, limit=-TOLD_CALLS))
    file = faults / f"{name.replace(' ', '-')}-{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_text(text, "utf-8", "backslashreplace")
    print(f"FAULT in {file}:\n{text}", flush=True)


def main(names: list[str]) -> int:
    """Tries the targets in turn until the time is over."""
    if unknown := set(names) - TARGETS.keys():
        print(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    names = names or list(TARGETS)
    seconds = 60 * float(os.environ.get("FUZZ_MINUTES") or 60)
    seed = int(os.environ.get("FUZZ_SEED") or time.time_ns())
    chance = random.Random(seed)
    PLACE.mkdir(exist_ok=True)
    logging.disable(logging.CRITICAL)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    print(f"{seconds / 60:g} minutes, {len(names)} targets, FUZZ_SEED={seed}", flush=True)
    end = time.monotonic() + seconds
    corpora = {name: Corpus(name, chance) for name in names}
    reached, inputs, broken = {name: Reached() for name in names}, dict.fromkeys(names, 0), set[str]()
    while (left := end - time.monotonic()) > 0 and len(broken) < len(names):
        for name in [name for name in names if name not in broken]:
            turn = min(ROUND_SECONDS, max(1.0, left / len(names)))
            number, well = go(name, turn, corpora[name], reached[name])
            inputs[name] += number
            broken |= set() if well else {name}
    for name in names:
        kept = len(corpora[name].inputs)
        lines = f"{len(reached[name]):>6,} lines of ours"
        print(f"{name:<20} {inputs[name]:>9,} inputs {kept:>6,} kept {lines} {'FAULT' if name in broken else ''}")
    print(f"{sum(inputs.values()):,} inputs, {len(broken)} targets with a fault")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
