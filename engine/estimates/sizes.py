"""How large the input of a subtask is: its JSON text, and the file that it names, for that is what will be read."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.model import Json


class Sizes:
    """Sizes of inputs in bytes; ``file`` gives that of a file below the roots, None when it cannot be read."""

    def __init__(self, file: Callable[[str], int | None] = lambda _: None) -> None:
        self._file = file

    def of(self, value: Json) -> int:
        """The size of a resolved input."""
        return self.of_text(_ENCODER.encode(value), value)

    def of_text(self, text: bytes, value: Json) -> int:
        """The same, where its JSON text is at hand."""
        path = value.get("path") if isinstance(value, dict) else None
        return len(text) + ((self._file(path) or 0) if isinstance(path, str) else 0)


_ENCODER = msgspec.json.Encoder(enc_hook=str)
