"""What gives a text its place among others, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Gives texts their vectors.

    ``name`` says which: vectors of one name alone can be compared, so it changes with the model. ``note`` tells whoever
    searches what it understands.
    """

    name: str
    lexical: bool
    """It knows words only, and not what they mean."""
    note: str

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of ``DIMENSIONS`` numbers and length 1 for each text, of length 0 for one without words.

        Raises:
            EngineError: it cannot be asked now.
        """
