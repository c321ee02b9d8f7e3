"""Plans that have worked, with the literals of their sentence as parameters. Pure.

A literal becomes a parameter only where it surely stands for itself: as a whole token of a text, or as an equal
number, in the inputs and nowhere else. Whatever is in doubt is *fixed*: the next sentence must have the very same
literal, else the pattern is not used. So a doubt costs a model call and never gives a wrong plan.

In doubt is a literal that the plan does not have, that is equal to another one, that also stands where it cannot be
replaced (a key, a policy, a reference, a program), or that something in the plan seems to be derived from. A short
one, and every number, is also in doubt where it stands in more than one place: it may be there by chance.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from engine.model import Json, Value
from engine.planning.skeleton import Literal, Skeleton, shape, skeleton

__all__ = ["Literal", "Pattern", "Skeleton", "parametrise", "shape", "skeleton"]

_LARGEST = 256 * 1024
_MOST_LITERALS = 40
_MOST_PLACES = 100
_PROGRAMS = frozenset({"python", "shell"})
"""Types whose inputs are programs: a literal inside a longer text of theirs is never replaced."""
_OPEN_FIELDS = frozenset({"input", "priority", "dependencies"})
_SHORT = 4
_SEALED = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_SAFE = re.compile(r"[\w .,:/@%+~#&=?-]+")
_SPELLING = re.compile(r"[\w/:@%+~#&=?-]")

Path = tuple[str | int, ...]


class Slot(Value, frozen=True, omit_defaults=True):
    """One literal of the sentence: its kind and form, and the text that it must have; None: a parameter.

    ``word``: it stands inside a longer text as a name, so another must be a name too.
    """

    kind: str
    form: str
    fixed: str | None = None
    word: bool = False

    def takes(self, literal: Literal) -> bool:
        """Whether a new literal may stand here."""
        if self.fixed is not None:
            return literal.kind == self.kind and literal.text == self.fixed
        padded = self.form == f"padded{len(literal.text)}" and literal.form == "int"
        return literal.kind == self.kind and (literal.form == self.form or padded) and not _unfit(literal)


class Hole(Value, frozen=True, omit_defaults=True):
    """A value of the plan with literals in it. ``path`` begins with the number of the subtask, below its ``input``.

    ``parts`` are texts, and numbers of literals; ``number`` is int or float where the value is a number.
    """

    path: list[str | int]
    parts: list[str | int]
    number: str = ""


class Pattern(Value, frozen=True):
    """A plan with holes. Equal plans of sentences that differ in their parameters only are equal patterns."""

    slots: list[Slot]
    holes: list[Hole]
    subtasks: list[dict[str, Json]]

    def encode(self) -> str:
        """As JSON text, which keeps the order of fields."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def decode(text: str) -> Pattern:
        """From what ``encode`` gave."""
        return msgspec.json.decode(text, type=Pattern)

    def fill(self, literals: Sequence[Literal]) -> list[dict[str, Json]] | None:
        """The plan for other literals, in the order of their sentence; None when it would not surely be right."""
        if len(literals) != len(self.slots) or not all(map(Slot.takes, self.slots, literals)):
            return None
        filled: list[dict[str, Json]] = msgspec.json.decode(msgspec.json.encode(self.subtasks))
        for hole in self.holes:
            value = self._value(hole, literals)
            if value is None:
                return None
            _put(filled, hole.path, value)
        return filled

    def _value(self, hole: Hole, literals: Sequence[Literal]) -> str | int | float | None:
        chosen = [literals[part] for part in hole.parts if isinstance(part, int)]
        if hole.number:
            return _as_number(chosen[0], hole.number)
        if len(hole.parts) > 1 and not all(self._embeds(part, literals) for part in hole.parts):
            return None
        return "".join(part if isinstance(part, str) else literals[part].text for part in hole.parts)

    def _embeds(self, part: str | int, literals: Sequence[Literal]) -> bool:
        """Whether a literal may stand inside a longer text, which may be an expression or a query."""
        if isinstance(part, str) or self.slots[part].kind == "number":
            return True
        text = literals[part].text
        return _embeddable(text) and (text.isidentifier() or not self.slots[part].word)


def parametrise(subtasks: list[dict[str, Json]], literals: Sequence[Literal]) -> Pattern | None:
    """The pattern of a plan that has worked for a sentence with these literals; None when it is not worth keeping.

    Args:
        subtasks: written like those of an explicit plan.
        literals: of the sentence, as ``skeleton`` gives them.
    """
    try:
        if len(literals) > _MOST_LITERALS or len(msgspec.json.encode(subtasks)) > _LARGEST:
            return None
    except (ValueError, TypeError):
        return None
    search = _Search(subtasks, literals)
    fixed = search.fixed()
    slots = [_slot(part, n in fixed) for n, part in enumerate(literals)]
    blank: list[dict[str, Json]] = msgspec.json.decode(msgspec.json.encode(subtasks))
    holes = [hole for leaf in search.leaves if (hole := leaf.hole(fixed)) is not None]
    for hole in holes:
        _put(blank, hole.path, None)
    pattern = Pattern(slots, holes, blank)
    return pattern if pattern.fill(literals) == subtasks else None


def _slot(literal: Literal, fixed: bool) -> Slot:
    if fixed:
        return Slot(literal.kind, literal.form, literal.text)
    return Slot(literal.kind, literal.form, word=literal.kind == "quoted" and literal.text.isidentifier())


class _Leaf(msgspec.Struct):
    """A text or a number in an input, and which literals stand where in it."""

    path: Path
    value: str | int | float
    program: bool
    spans: list[tuple[int, int, int]] = []

    def hole(self, fixed: set[int]) -> Hole | None:
        """Its hole, when a literal that is not fixed stands in it."""
        open_spans = sorted(span for span in self.spans if span[2] not in fixed)
        if not open_spans:
            return None
        if not isinstance(self.value, str):
            return Hole(list(self.path), [open_spans[0][2]], type(self.value).__name__)
        cuts = [(0, 0, -1), *open_spans, (len(self.value), len(self.value), -1)]
        parts: list[str | int] = []
        for (_, end, _), (start, _, number) in pairwise(cuts):
            parts += [self.value[end:start]] if start > end else []
            parts += [number] if number >= 0 else []
        return Hole(list(self.path), parts)

    def rest(self) -> str:
        """What no literal has claimed; references are not made from literals."""
        text = self.value if isinstance(self.value, str) else ""
        for start, end, _ in sorted(self.spans, reverse=True):
            text = f"{text[:start]}\0{text[end:]}"
        return _SEALED.sub("\0", text).casefold()


class _Search:
    """Looks for the literals in a plan."""

    def __init__(self, subtasks: list[dict[str, Json]], literals: Sequence[Literal]) -> None:
        self._literals = literals
        self._doubted: set[int] = set()
        self.leaves: list[_Leaf] = []
        names: list[str] = []
        for number, subtask in enumerate(subtasks):
            program = subtask.get("type") in _PROGRAMS
            for path, value in _walk(subtask.get("input"), (number, "input"), names):
                self.leaves.append(_Leaf(path, value, program))
        closed = [{k: v for k, v in subtask.items() if k not in _OPEN_FIELDS} for subtask in subtasks]
        self._closed = msgspec.json.encode([closed, names]).decode().casefold()
        for number in sorted(range(len(literals)), key=lambda n: -len(literals[n].text)):
            self._claim(number)

    def fixed(self) -> set[int]:
        """The literals that the next sentence must have as they are."""
        return {number for number in range(len(self._literals)) if self._in_doubt(number)}

    def _in_doubt(self, number: int) -> bool:
        literal = self._literals[number]
        places = sum(span[2] == number for leaf in self.leaves for span in leaf.spans)
        alone = literal.kind == "number" or len(literal.text) < _SHORT
        if not places or (alone and places > 1) or number in self._doubted or _unfit(literal):
            return True
        equal = any(_equal(literal, other) for n, other in enumerate(self._literals) if n != number)
        return equal or self._closed_holds(literal) or self._derived(literal)

    def _closed_holds(self, literal: Literal) -> bool:
        if literal.kind == "number" or len(literal.text) < _SHORT:
            return bool(_token(literal, casefold=True).search(self._closed))
        return literal.text.casefold() in self._closed

    def _derived(self, literal: Literal) -> bool:
        """Whether something beside its own places looks like it."""
        traces = [trace for trace in _traces(literal) if trace]
        return any(trace in leaf.rest() for leaf in self.leaves for trace in traces)

    def _claim(self, number: int) -> None:
        """Marks every place of a literal that no longer one has."""
        literal = self._literals[number]
        value, token = literal.number, _token(literal)
        for leaf in self.leaves:
            if isinstance(leaf.value, str):
                self._claim_text(leaf, leaf.value, number, token)
            elif value is not None and leaf.value == value:
                leaf.spans = [*leaf.spans, (0, 0, number)]

    def _claim_text(self, leaf: _Leaf, text: str, number: int, token: re.Pattern[str]) -> None:
        sealed = [found.span() for found in _SEALED.finditer(text)] if "{{" in text else []
        for found in token.finditer(text):
            if len(leaf.spans) >= _MOST_PLACES:
                self._doubted.add(number)
                return
            start, end = found.span()
            if any(start < stop and end > begin for begin, stop, _ in leaf.spans):
                continue
            inside = end - start < len(text)
            bad = leaf.program or not (self._literals[number].kind == "number" or _embeddable(found[0]))
            if (inside and bad) or any(start < stop and end > begin for begin, stop in sealed):
                self._doubted.add(number)
            leaf.spans = [*leaf.spans, (start, end, number)]


def _walk(value: Json, path: Path, names: list[str]) -> Iterator[tuple[Path, str | int | float]]:
    """The texts and numbers of an input with their paths; the names of its fields are added to ``names``."""
    if isinstance(value, dict):
        for name, part in value.items():
            names.append(name)
            yield from _walk(part, (*path, name), names)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk(part, (*path, index), names)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield path, value


def _token(literal: Literal, *, casefold: bool = False) -> re.Pattern[str]:
    """Finds a literal as a whole token."""
    text = re.escape(literal.text.casefold() if casefold else literal.text)
    if literal.kind == "number":
        return re.compile(rf"(?<![\w.]){text}(?!\w)(?!\.\d)")
    if literal.kind == "quoted":
        return re.compile(rf"(?<!\w){text}(?!\w)")
    return re.compile(rf"(?<![.\\])(?<!{_SPELLING.pattern}){text}(?!{_SPELLING.pattern})(?!\.\w)")


def _traces(literal: Literal) -> Iterable[str]:
    """What something derived from a literal would hold: its text, and the name of its file."""
    text = literal.text.casefold()
    if literal.kind == "number":
        digits = text.lstrip("-")
        return (digits, digits.replace(",", "")) if len(digits) > 1 else ()
    stem = text.rstrip("/").rpartition("/")[2].partition(".")[0] if literal.kind in ("url", "path") else ""
    local = text.partition("@")[0] if literal.kind == "email" else ""
    return (text if len(text) >= _SHORT else "", *(part for part in (stem, local) if len(part) >= _SHORT - 1))


def _equal(one: Literal, other: Literal) -> bool:
    """Whether a place in the plan could be either."""
    if one.number is not None and one.number == other.number:
        return True
    return one.text.casefold() == other.text.casefold()


def _unfit(literal: Literal) -> bool:
    """Whether it can never be put into a plan: a reference, an option of a command, a number beyond all bounds."""
    if literal.kind == "number":
        return literal.number is None or not math.isfinite(literal.number)
    return "{{" in literal.text or literal.text.startswith("-")


def _embeddable(text: str) -> bool:
    """Whether a text inside a longer one can end neither a quotation nor a query."""
    return "--" not in text and bool(_SAFE.fullmatch(text))


def _as_number(literal: Literal, kind: str) -> int | float | None:
    """The literal as the type that the plan had; None when it is none of that type."""
    value = literal.number
    if value is None or (kind == "int" and isinstance(value, float) and not value.is_integer()):
        return None
    return int(value) if kind == "int" else float(value)


def _put(subtasks: Any, path: Sequence[str | int], value: Json) -> None:
    """Replaces the value at a path."""
    for step in path[:-1]:
        subtasks = subtasks[step]
    subtasks[path[-1]] = value
