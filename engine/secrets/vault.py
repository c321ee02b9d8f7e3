"""The secrets of one engine: what may be asked for, what each is at this moment, and the masker that knows them all.

A secret is read when an attempt needs it, so that a new one counts from the next attempt on. Nothing keeps it but the
masker, which also remembers what it was before: an output that is still on its way may show that.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from engine.errors import Category, ToolError
from engine.model import Expand, Json
from engine.secrets.masking import SHORTEST, Masker

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
"""What the name of a secret looks like."""
LONGEST = 64 * 1024
"""Bytes of a secret."""
WHERE = "AGENT03_SECRET_{name} in the environment of the engine, or a file {name} in SECRETS_PATH or /run/secrets"
STAMP = "secrets."
"""Begins the name of what a cache key has in place of a secret."""


class SecretSource(Protocol):
    """Where secrets are kept. All of it is quick; files are read at each call."""

    def names(self) -> Iterable[str]:
        """The names of all secrets that there are."""

    def has(self, name: str) -> bool:
        """Whether there is a secret of that name."""

    def read(self, name: str) -> str | None:
        """The secret; None when there is none. Raises ``OSError`` or ``ValueError`` when it cannot be read."""


class NoSecrets:
    """No secrets at all."""

    def names(self) -> Iterable[str]:
        """None."""
        return ()

    def has(self, name: str) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def read(self, name: str) -> str | None:  # noqa: ARG002
        """Nothing."""
        return None


class Allowed(NamedTuple):
    """What a plan may hold of secrets: ``has`` says which names it may use, ``written`` whether a text shows one."""

    has: Callable[[str], bool]
    written: Callable[[str], bool]


NONE_ALLOWED = Allowed(lambda _: False, lambda _: False)
"""No secret may be named: for plans that come from elsewhere than a person."""


class Vault:
    """The secrets of one engine.

    Args:
        source: where those that plans may name are kept.
        hidden: others that have to be covered too, such as those of the settings.
        key: reads the key of this engine by which a cache key depends on a secret without saying anything of it.
    """

    def __init__(
        self,
        source: SecretSource | None = None,
        hidden: Iterable[str] = (),
        key: Callable[[], bytes] = lambda: secrets.token_bytes(32),
    ) -> None:
        self._source = source or NoSecrets()
        self._hidden = frozenset(hidden)
        self._named: set[str] = set()
        self._read_key = key
        self._key = b""
        self.masker = Masker(self._hidden)
        self._written = Masker()

    async def begin(self) -> None:
        """Reads all that there is, so that it is covered whoever shows it."""
        await asyncio.to_thread(self._read_all)

    def _read_all(self) -> None:
        found = set()
        for name in self._source.names():
            try:
                found.add(self._source.read(name) or "")
            except (OSError, ValueError):  # whoever asks for it is told
                continue
        self._cover(found)

    def _cover(self, found: Collection[str]) -> None:
        if not self._named.issuperset(found):
            self._named |= set(found)
            self._written = Masker(self._named)
            self.masker = Masker(self._hidden | self._named)

    @property
    def allowed(self) -> Allowed:
        """What a plan may hold that a person sends."""
        return Allowed(self.has, self.written)

    def written(self, text: str) -> bool:
        """Whether a text shows a secret that plans may name."""
        return self._written.hits(text)

    def has(self, name: str) -> bool:
        """Whether there is a secret of that name."""
        return NAME.fullmatch(name) is not None and self._source.has(name)

    async def take(self, names: Sequence[str]) -> dict[str, str]:
        """The secrets of those names as they are now. Raises ``ToolError`` (configuration) for one that is not there
        or cannot be used.
        """
        found = await asyncio.to_thread(lambda: {name: self._taken(name) for name in names})
        self._cover(found.values())
        return found

    def _taken(self, name: str) -> str:
        try:
            value = self._source.read(name) if NAME.fullmatch(name) else None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise _unusable(name, f"cannot be read: {reason}") from None
        if value is None:
            raise _unusable(name, "does not exist in this engine")
        if not SHORTEST <= len(value) <= LONGEST:
            raise _unusable(name, f"has {len(value)} characters; it should have {SHORTEST} to {LONGEST:,}")
        return value

    async def stamps(self, values: Mapping[str, str]) -> dict[str, str]:
        """What stands for secrets in the key of a cached output: another one for another secret, and of no use to
        whoever does not have the key of this engine.
        """
        if values and not self._key:
            self._key = await asyncio.to_thread(self._read_key)
        return {STAMP + name: self._stamp(name, value) for name, value in values.items()}

    def _stamp(self, name: str, value: str) -> str:
        return hmac.new(self._key, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]

    # --- on the way back --------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """A text with every secret covered."""
        return self.masker.text(text)

    def returned(self, returned: Json) -> Json:
        """What a tool has returned, covered, subtasks that it wants to add included."""
        if not isinstance(returned, Expand):
            return self.masker.output(returned)
        output = returned.output if returned.output is msgspec.UNSET else self.masker.output(returned.output)
        subtasks, note = self.masker.output(returned.subtasks), self.masker.output(returned.note)
        return msgspec.structs.replace(returned, subtasks=subtasks, output=output, note=note)

    def shown(self, error: Exception) -> Exception | None:
        """An exception as a log may show it: not at all where it, or what led to it, says a secret."""
        said: BaseException | None = error
        while said is not None:
            if self.masker.hits(f"{said} {said!r}"):
                return None
            said = said.__cause__ or said.__context__
        return error

    def error(self, error: ToolError) -> ToolError:
        """An error with what it says, and what was produced before it, covered."""
        message, suggestion = self.text(str(error)), self.text(error.suggestion)
        output = self.masker.output(error.output)
        if (message, suggestion) == (str(error), error.suggestion) and output is error.output:
            return error
        covered = ToolError(
            message,
            category=error.category,
            suggestion=suggestion,
            output=output,
            delay=error.delay,
            crashed=error.crashed,
        )
        covered.repeat = error.repeat
        return covered


def _unusable(name: str, why: str) -> ToolError:
    return ToolError(
        f"the secret {name[:100]} {why}",
        category=Category.CONFIGURATION,
        suggestion=f"Keep it as {WHERE.format(name=name[:100])}.",
    )
