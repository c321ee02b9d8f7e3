"""What a sentence says apart from its literals, and what an input looks like apart from its values. Pure.

Literals are numbers, quoted parts, addresses and paths. Two sentences ask for the same plan when their skeletons are
equal; whatever is not surely a literal belongs to the skeleton, so that a doubt costs a reuse and never a wrong plan.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from engine.model import Json, Value

_SEEN_ITEMS = 1_000
_LONGEST_NUMBER = 300
_ENDINGS = "csv|tsv|json|ndjson|jsonl|parquet|xml|yaml|yml|toml|md|txt|html|htm|pdf|log|py"
_LITERAL = re.compile(
    rf"""
      "(?P<q1>[^"\n]+)" | “(?P<q2>[^”\n]+)” | «(?P<q3>[^»\n]+)» | ‘(?P<q4>[^’\n]+)’ | `(?P<q5>[^`\n]+)`
    | (?<!\w)'(?P<q6>[^'\n]+)'(?!\w)
    | (?P<url>\b[a-zA-Z][a-zA-Z0-9+.-]{{1,20}}://[^\s"'<>`“”«»]+)
    | (?P<email>\b[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,8}}\b)
    | (?P<path>(?<![\w./~-])(?:~|\.{{1,2}})?(?:/[\w.@+%-]+)+/?
             | (?<![\w./~-])[\w@+%-][\w.@+%-]*(?:/[\w.@+%-]+)+/?
             | (?<![\w./~-])[\w-]+(?:\.[\w-]+)*\.(?:{_ENDINGS})\b)
    | (?P<number>(?<![\w.])(?:(?<![)\w])-)?(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]+)(?:\.[0-9]+)?
                 (?:[eE][+-]?[0-9]+)?(?!\w)(?!\.[0-9]))
    """,
    re.VERBOSE,
)
_ENDING = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,7})(?:[?#].*)?\Z")
_TRAILING = ".,;:!?)]}"


class Literal(Value, frozen=True):
    """A literal: ``kind`` is number, quoted, url, email or path; ``text`` is what stands there, without quotes."""

    kind: str
    text: str

    @property
    def number(self) -> int | float | None:
        """The value of a number; None for anything else and for one that is too long."""
        if self.kind != "number" or len(self.text) > _LONGEST_NUMBER:
            return None
        plain = self.text.replace(",", "")
        return int(plain) if plain.removeprefix("-").isdecimal() else float(plain)

    @property
    def form(self) -> str:
        """What a plan may rely on: ``int`` or ``-decimal`` of a number, the scheme of an address, a file's ending."""
        if self.kind == "number":
            return _number_form(self.text)
        ending = _ENDING.search(self.text) if self.kind != "email" else None
        scheme = self.text.partition("://")[0].casefold() if self.kind == "url" else ""
        return f"{scheme}{'.' + ending[1].casefold() if ending else ''}"


class Skeleton(Value, frozen=True):
    """``text`` without the literals, ``literals`` in their order."""

    text: str
    literals: tuple[Literal, ...]


def skeleton(sentence: str) -> Skeleton:
    """A sentence without its literals; blanks and case do not count."""
    literals: list[Literal] = []
    kept: list[str] = []
    position = 0
    for found in _LITERAL.finditer(sentence):
        literal, end = _literal(found)
        literals.append(literal)
        kept += [sentence[position : found.start()].replace("<", "<<"), f"<{literal.kind}>"]
        position = end
    kept.append(sentence[position:].replace("<", "<<"))
    return Skeleton(" ".join("".join(kept).casefold().split()), tuple(literals))


def shape(value: Json) -> str:
    """A hash that inputs with the same fields of the same types share, whatever their values and lengths."""
    text = msgspec.json.encode(_shape(value), order="deterministic")
    return hashlib.sha256(text).hexdigest()[:32]


def _literal(found: re.Match[str]) -> tuple[Literal, int]:
    """The literal of a match, and where the sentence goes on."""
    kind = str(found.lastgroup)
    text = found[kind]
    if kind.startswith("q"):
        return Literal("quoted", text), found.end()
    if kind in ("url", "path"):
        text = text.rstrip(_TRAILING)
    return Literal(kind, text), found.start() + len(text)


def _number_form(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    if "e" in digits.lower():
        return f"{sign}exponent"
    if "," in digits:
        return f"{sign}grouped{'.' if '.' in digits else ''}"
    if "." in digits:
        return f"{sign}decimal"
    return f"{sign}padded{len(digits)}" if digits.startswith("0") and len(digits) > 1 else f"{sign}int"


def _shape(value: Json) -> Json:
    if isinstance(value, dict):
        return {str(name): _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        kinds = {msgspec.json.encode(_shape(part), order="deterministic").decode() for part in value[:_SEEN_ITEMS]}
        return ["list", *sorted(kinds)]
    if value is None or isinstance(value, (bool, str)):
        return {type(None): "null", bool: "boolean", str: "text"}[type(value)]
    return "number"
