"""The words of a type such as ``data_processing``, ``csv-to-json`` or ``SentimentAnalysis``."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = re.compile(r"[^a-z0-9]+")


def words_of(type: str) -> list[str]:
    """The words in small letters, in order."""
    return [word for word in _GAP.split(_HUMP.sub("_", type).lower()) if word]


def says(type: str, phrases: Iterable[str]) -> str:
    """The first of ``phrases`` (words joined by ``_``, also in the plural) that the type contains; "" when none."""
    text = f"_{'_'.join(words_of(type))}_"
    return next((phrase for phrase in phrases if f"_{phrase}_" in text or f"_{phrase}s_" in text), "")
