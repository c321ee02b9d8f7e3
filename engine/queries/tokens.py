r"""Cypher text cut into tokens, as both databases cut it; what they might cut differently is refused.

The guard is only as good as this agreement: text that is a string here and a clause there would pass it. So words are
ASCII (a database may take a long s for an S), escapes are the few that both have, and two things stand nowhere:
``\u``, which Neo4j replaces before it looks for quotes, and a zero, where a text may end too soon. Comments become
blanks in the text that is sent on, because their ends differ.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from engine.model import Value

_TOKEN = re.compile(
    r"""
      (?P<BLANK>[ \t\r\n]+)
    | (?P<COMMENT>//[^\r\n]*|/\*.*?\*/)
    | (?P<STRING>'(?:[^'\\]|\\[\\'"bfnrt])*'|"(?:[^"\\]|\\[\\'"bfnrt])*")
    | (?P<QUOTED>`(?:[^`]|``)+`)
    | (?P<PARAMETER>\$[A-Za-z_][A-Za-z0-9_]*)
    | (?P<NUMBER>0x[0-9A-Fa-f]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<WORD>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<SYMBOL>\.\.|=~|<>|<=|>=|\|\||::|[()\[\]{},.:;|&!%+\-*/^=<>])
    """,
    re.VERBOSE | re.DOTALL,
)
_NOWHERE = re.compile(r"\\[uU]|\0")
_OPENING = {"'": "a string", '"': "a string", "`": "a quoted name"}


class Kind(Enum):
    """What a token is."""

    STRING = auto()
    QUOTED = auto()
    PARAMETER = auto()
    NUMBER = auto()
    WORD = auto()
    SYMBOL = auto()
    END = auto()


class Token(Value, frozen=True):
    """A piece of text and where it begins."""

    kind: Kind
    text: str
    at: int

    @property
    def word(self) -> str:
        """The word in capitals; empty for anything else."""
        return self.text.upper() if self.kind is Kind.WORD else ""


class Refused(ValueError):
    """A query that is not let through: why, and what to do."""

    def __init__(self, text: str, at: int, reason: str) -> None:
        before = text[:at]
        line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
        super().__init__(f"line {line}, column {column}: {reason}")


def tokenize(text: str) -> tuple[list[Token], str]:
    """The tokens, the last of which is the end, and the text with blanks for its comments. Raises ``Refused``."""
    if escape := _NOWHERE.search(text):
        raise Refused(
            text, escape.start(), "no zero, and no character by its number; write it as it is, or send a parameter"
        )
    tokens: list[Token] = []
    sent: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or (found.group() == "/" and text[at : at + 2] == "/*"):
            raise Refused(text, at, _unknown(text[at]))
        piece, name = found.group(), found.lastgroup or ""
        sent.append(_blanked(piece) if name == "COMMENT" else piece)
        if name not in ("COMMENT", "BLANK"):
            tokens.append(Token(Kind[name], piece, at))
        at = found.end()
    return [*tokens, Token(Kind.END, "", at)], "".join(sent)


def _blanked(comment: str) -> str:
    return re.sub(r"[^\r\n]", " ", comment)


def _unknown(character: str) -> str:
    if character in _OPENING:
        return f"{_OPENING[character]} begins here that does not end, or holds an escape that is not \\\\ \\' \\\" \\n"
    if character == "/":
        return "a comment begins here that does not end"
    if not character.isascii():
        return f"{character!r} stands outside quotes; put a name that is not ASCII into backticks"
    return f"{character!r} has no place outside quotes"
