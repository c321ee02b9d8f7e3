"""Vectors without a model: words and pieces of words, hashed into places of a vector. Pure.

Texts with the same words are near each other, also in other forms ("invoice", "invoices") and with a slip of the pen,
because they share pieces; texts that say the same in other words are not. It needs no network and no key, and gives the
same for ever. ("Feature hashing": Weinberger et al., ICML 2009.)
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

from engine.passagestore import DIMENSIONS

_WORD = re.compile(r"[^\W_]+")
_PIECE = 4
_PIECE_WEIGHT = 1.2
_SHORT, _SHORT_WEIGHT = 3, 0.3
"""Words of so many letters and fewer say little: most of them are "the", "and", "of"."""


class LexicalEmbedder:
    """The embedder that is always there."""

    name = "lexical-1"
    lexical = True
    note = "Words are compared, not meanings: ask with words that stand in the text."

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text."""
        return await asyncio.to_thread(lambda: [vector_of(text) for text in texts])


def vector_of(text: str) -> list[float]:
    """The vector of a text: of length 1, or 0 where it has no words."""
    found = [0.0] * DIMENSIONS
    for word, number in Counter(_WORD.findall(text.casefold())).items():
        times = 1.0 + math.log(number)
        for place, weight in _places(word):
            found[place] += times * weight
    length = math.sqrt(sum(value * value for value in found))
    return [round(value / length, 6) for value in found] if length else found


@lru_cache(20_000)
def _places(word: str) -> tuple[tuple[int, float], ...]:
    """Where a word and its pieces go in a vector, and with which weight."""
    if len(word) <= _SHORT and not word.isdigit():
        return (_place(word, _SHORT_WEIGHT),)
    marked = f"<{word[:40]}>"
    pieces = {marked[start : start + _PIECE] for start in range(len(marked) - _PIECE + 1)}
    share = _PIECE_WEIGHT / math.sqrt(len(pieces) or 1)
    return (_place(word, 1.0), *(_place(piece, share) for piece in sorted(pieces)))


def _place(text: str, weight: float) -> tuple[int, float]:
    """Half of all texts take away where the others add, so that what meets in one place by chance cancels out."""
    hashed = crc32(text.encode("utf-8", "surrogatepass"))
    return hashed % DIMENSIONS, weight if hashed & 0x10000 else -weight
