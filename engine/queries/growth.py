"""How often a query puts one value into another: ``WITH s + s AS s``, thirty times, is a text of a billion characters.

A database makes such a value in one step, which neither its time limit nor an interruption reaches. So the guard counts
before: each name weighs what the names weigh that it is made of, and none may weigh more than ``HEAVIEST``.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.queries.tokens import Kind, Token

HEAVIEST = 256
"""Copies of one value in another, over all clauses of a query."""
_ENDS = frozenset(
    {"CALL", "LIMIT", "MATCH", "OFFSET", "OPTIONAL", "ORDER", "RETURN", "SKIP", "UNION", "UNWIND", "WHERE", "WITH"}
)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def heaviest(tokens: Sequence[Token]) -> tuple[int, int]:
    """The weight of the heaviest name of a query, and where that stands in its text."""
    count = _Count()
    for number, token in enumerate(tokens):
        count.take(tokens[number - 1] if number else token, token)
    return count.worst


class _Count:
    """Goes through the tokens once. What stands in a subquery counts as if it stood in the clause around it."""

    def __init__(self) -> None:
        self.worst = (0, 0)
        self._known: dict[str, int] = {}
        self._made: dict[str, int] | None = None
        """The names of the projection that is being read, by weight; None outside one."""
        self._adds = False
        self._depth = self._at_depth = 0
        self._weight = 0
        self._name = ""

    def take(self, before: Token, token: Token) -> None:
        """The next token."""
        text, word = token.text, token.word
        if text in _CLOSING:
            self._depth -= 1
            if self._made is not None and self._depth < self._at_depth:
                self._end(token)
        level = self._depth == self._at_depth
        if self._made is not None and (token.kind is Kind.END or (level and word in _ENDS and not _paired(before))):
            self._end(token)
        elif self._made is not None and level and text == ",":
            self._item(token)
        if word in ("WITH", "UNWIND", "RETURN") and not _paired(before) and before.text not in (".", ":"):
            self._made, self._adds, self._at_depth = {}, word != "WITH", self._depth
            self._weight, self._name = 0, ""
        elif self._made is not None and token.kind in (Kind.WORD, Kind.QUOTED) and before.text not in (".", ":"):
            name = text.strip("`")
            if before.word != "AS":
                self._weight += self._known.get(name, 0)
            self._name = name
        elif self._made is not None and level and text == "*":
            self._adds = True
        if text in _OPENING:
            self._depth += 1

    def _item(self, token: Token) -> None:
        assert self._made is not None
        weight = max(1, self._weight)
        self._made[self._name] = weight
        self.worst = max(self.worst, (weight, token.at))
        self._weight, self._name = 0, ""

    def _end(self, token: Token) -> None:
        self._item(token)
        assert self._made is not None
        self._known = {**self._known, **self._made} if self._adds else self._made
        self._made = None


def _paired(before: Token) -> bool:
    """Whether the word behind this one is the second half of STARTS WITH or ENDS WITH."""
    return before.word in ("STARTS", "ENDS")
