"""Which steps, given in words, need which: by textual cues alone, so that the others can run side by side.

People write steps down in an order that works, so a step needs what stands before it unless the words show that the
two are of a kind: siblings. Steps next to each other are siblings when they begin with the same verb ("Buy flour",
"Buy eggs") and the later one does not point back ("then", "it", "the same", "based on"). The next step that is no
sibling needs all of them, and each of them needs what stood before the first.

Where steps say what they take and give (the inputs and outputs of tools), that decides instead: a step needs another
whose output resembles one of its inputs, and nothing else.

This knows nothing of the world: that glue must dry before one paints is seen only if somebody says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.model import Value

Edge = tuple[int, int]

_BACK = re.compile(
    r"\b(then|afterwards?|after|once|when|until|finally|next|lastly|it|its|them|they|their|this|these|those|that|same|"
    r"above|previous|result|results|based on|using the|both|each of)\b",
    re.IGNORECASE,
)
_REASONING = frozenset(("answer", "calculate", "compute", "determine", "solve", "conclude", "use", "add", "apply"))
"""Verbs whose steps usually build on one another, although they begin alike."""
_LEADING = re.compile(r"^(?:\W|step \d+\b|\d+\b|please\b|first\b|also\b|and\b)*", re.IGNORECASE)
_WORD = re.compile(r"[a-z]{2,}|\d+")
_EMPTY = frozenset(
    (
        *("a", "an", "the", "of", "for", "to", "in", "on", "at", "and", "or"),
        *("by", "with", "from", "as", "is", "are", "be", "that", "this", "it", "its"),
    )
)
_ALIKE = 0.3
"""Share of common words from which an output resembles an input; chosen on the NesTools set."""


class Step(Value, frozen=True):
    """One step in words; ``takes`` and ``gives`` describe its inputs and outputs where they are known."""

    text: str
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()


def order_steps(steps: Sequence[Step]) -> list[Edge]:
    """Edges (earlier, later) between indexes of steps, always forward."""
    if any(step.takes or step.gives for step in steps):
        return _by_values(steps)
    edges: list[Edge] = []
    before: list[int] = []
    siblings: list[int] = []
    for index, step in enumerate(steps):
        if siblings and not _siblings(steps[siblings[-1]].text, step.text):
            before, siblings = siblings, []
        edges += [(earlier, index) for earlier in before]
        siblings.append(index)
    return edges


def _siblings(earlier: str, later: str) -> bool:
    """Whether two steps next to each other begin alike, and the later one does not point back."""
    verb = _verb(earlier)
    return bool(verb) and verb == _verb(later) and not _BACK.search(later)


def _verb(text: str) -> str:
    """The verb at the beginning; "" where it says nothing."""
    words = _WORD.findall(_LEADING.sub("", text.lower(), count=1))
    return words[0] if words and words[0] not in _REASONING else ""


def _by_values(steps: Sequence[Step]) -> list[Edge]:
    return [
        (earlier, later)
        for later, step in enumerate(steps)
        for earlier in range(later)
        if any(_alike(given, taken) for given in steps[earlier].gives for taken in step.takes)
    ]


def _alike(given: str, taken: str) -> bool:
    ours, theirs = _words(given), _words(taken)
    return bool(ours and theirs) and len(ours & theirs) / len(ours | theirs) >= _ALIKE


def _words(text: str) -> set[str]:
    return {word.rstrip("s") for word in _WORD.findall(text.lower())} - _EMPTY
