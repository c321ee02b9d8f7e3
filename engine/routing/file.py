"""The file of rules (ROUTER_CONFIG): read at the start, and again when it has changed.

Nobody waits for a file that does not change: whoever asks for the rules has them looked after at most once a second,
by one look at the file's time and size. A file that cannot be used is refused with its faults, and the rules that were
there stay.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from engine.errors import InvalidInput, SettingsError
from engine.model import Json
from engine.ports import Clock
from engine.routing.rules import Rules, no_json, read_rules, told

_log = structlog.get_logger("routing")

LOOK_SECONDS = 1.0
"""The file is looked at again after so long."""
MAX_BYTES = 1024 * 1024
"""A larger file holds no rules."""


class RulesFile:
    """The rules of a file as they are now.

    Args:
        path: the file.
        tools: the names of the tools that there are.
        clock: when to look again, and when the rules were taken.
    """

    def __init__(self, path: Path, tools: Callable[[], list[str]], clock: Clock) -> None:
        self.path = path
        self._tools = tools
        self._clock = clock
        self._rules = Rules()
        self._stamp: tuple[int, int, int] | None = None
        self._look_at = float("-inf")
        self.taken_at = 0
        """When the rules were taken from the file, in milliseconds."""
        self.faults: list[str] = []
        """What is wrong with the file as it is now; the rules are those of before then."""

    def open(self) -> None:
        """Reads it for the first time; raises ``SettingsError`` with every fault."""
        self.look()
        if self.faults:
            raise SettingsError(f"ROUTER_CONFIG={self.path}: {'; '.join(self.faults)}; correct the file")

    def rules(self) -> Rules:
        """The rules, looked after when that is some time ago."""
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self.look()
        return self._rules

    def look(self) -> None:
        """Takes the file's rules if it has changed. Never raises."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._take(self._read())
        except OSError as error:
            self._stamp = None
            self._refuse([f"it cannot be read: {error.strerror or error}"])
        except InvalidInput as refused:
            self._refuse(told(refused))

    def _read(self) -> Rules:
        with self.path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise no_json(f"it is larger than {MAX_BYTES:,} bytes")
        try:
            document: Json = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise no_json(str(error)) from None
        return read_rules(document, self._tools())

    def _take(self, rules: Rules) -> None:
        self._rules, self.faults, self.taken_at = rules, [], self._clock.now()
        _log.info("router.taken", file=str(self.path), rules=len(rules.rules))

    def _refuse(self, faults: list[str]) -> None:
        if faults != self.faults and self.taken_at:  # else the start says it
            _log.warning("router.refused", file=str(self.path), faults=faults[:5], more=max(0, len(faults) - 5))
        self.faults = faults

    def health(self) -> dict[str, Json]:
        """How it is, looked at now."""
        self.look()
        return {
            "ok": not self.faults,
            "file": str(self.path),
            "rules": len(self._rules.rules),
            "taken_at": self.taken_at,
            "faults": self.faults,
        }
