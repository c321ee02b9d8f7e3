"""Arithmetic in words: "the square root of 2", "15% of 80", "the average of 3, 4 and 5", ``12 * (3 + 4)``.

A small parser turns words and signs into an expression of ``calculate``. What has two readings is not understood: a
function in words with an operation behind it ("the square root of 16 plus 9"), digits that may be a date, and commas
that may be thousands or a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_ASK = re.compile(
    r"(?:calculate|compute|evaluate|work out|find|determine|solve|what is|what's|whats|how much is|tell me|give me)\b"
    r"(?:\s+what)?(?:\s+(?:the\s+)?(?:result|value|answer)\s+(?:of|to)\b|\s*:)?",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d+([-/.])\d+\1\d+")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+\.\d+|\d+|\.\d+)(?![\w.]*\.\d)(?P<times>\s*x(?=\s*[\d(]))?"
    r"|(?P<word>log10|[a-z]+)|(?P<sign>\*\*|//|[-+*/%^!(),\[\]×÷·−]))"
)
_LONGEST = 300
"""Tokens; a longer sentence is no sum that somebody types."""
_DEEPEST = 30
Part = Callable[[], str]
"""Reads one part of a sentence."""

_INFIX = {
    "+": "+",
    "plus": "+",
    "-": "-",
    "−": "-",
    "minus": "-",
    "*": "*",
    "×": "*",
    "·": "*",
    "times": "*",
    "multiplied by": "*",
    "/": "/",
    "÷": "/",
    "divided by": "/",
    "//": "//",
    "%": "%",
    "mod": "%",
    "modulo": "%",
    "**": "**",
    "^": "**",
    "to the power of": "**",
    "raised to the power of": "**",
}
_OF_ONE = {
    "factorial of": "factorial({})",
    "square root of": "sqrt({})",
    "cube root of": "cbrt({})",
    "square of": "({}) ** 2",
    "cube of": "({}) ** 3",
    "absolute value of": "abs({})",
    "natural logarithm of": "log({})",
    "natural log of": "log({})",
}
_OF_MANY = {
    "sum of": "sum([{}])",
    "total of": "sum([{}])",
    "average of": "mean([{}])",
    "mean of": "mean([{}])",
    "median of": "median([{}])",
    "product of": "*",
    "minimum of": "min([{}])",
    "smallest of": "min([{}])",
    "maximum of": "max([{}])",
    "largest of": "max([{}])",
    "greatest common divisor of": "gcd({})",
    "least common multiple of": "lcm({})",
}
_AFTER = {"!": "factorial({})", "factorial": "factorial({})", "squared": "({}) ** 2", "cubed": "({}) ** 3"}
_CALLS = (
    *("sqrt", "abs", "factorial", "sin", "cos", "tan", "exp", "log", "log10"),
    *("round", "floor", "ceil", "min", "max"),
)
_LEVELS = (("+", "-"), ("*", "/", "//", "%"))


class _NotUnderstood(Exception):
    """The text is no arithmetic, or has two readings."""


def expression_of(sentence: str) -> str | None:
    """The expression that a sentence asks for; None unless all of it is arithmetic with one reading."""
    text = sentence.strip().rstrip("?.= \t")
    asked = _ASK.match(text)
    body = (text[asked.end() :] if asked else text).strip()
    if _DATE.fullmatch(body):
        return None
    found = _read(body)
    cried = found and body.endswith("!") and _read(body[:-1])  # "2 + 3!" may be a factorial or a loud voice
    return None if cried else found


def _read(body: str) -> str | None:
    try:
        parser = _Parser(_tokens(body))
        found = parser.whole()
    except _NotUnderstood:
        return None
    return found if parser.operations else None


def aggregate_of(sentence: str) -> str | None:
    """The expression over ``values`` that "the average of these numbers" and the like ask for; None for all else."""
    match = _OVER_DATA.fullmatch(sentence.strip().rstrip("?.! "))
    form = _OF_MANY.get(f"{match[1].lower()} of") if match else None
    return form.replace("[{}]", "values") if form and "[" in form else None


_OVER_DATA = re.compile(
    rf"{_ASK.pattern}\s+(?:the\s+)?(sum|total|average|mean|median|minimum|maximum)\s+of\s+"
    r"(?:these|the|all|the given|all the|all these)\s+(?:numbers|values)(?:\s+given)?",
    re.IGNORECASE,
)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    place = 0
    text = text.rstrip().lower()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match or len(found) >= _LONGEST:
            raise _NotUnderstood
        found.append(match["number"] or match["word"] or match["sign"])
        if match["times"]:
            found.append("times")
        place = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens; ``operations`` counts what there is to calculate."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens, self._place, self._depth = tokens, 0, 0
        self.operations = 0

    def whole(self) -> str:
        """All of it as one expression."""
        self._skip("the")
        found = self._sum(0)
        if self._place < len(self._tokens):
            raise _NotUnderstood
        return found

    def _sum(self, level: int) -> str:
        if level == len(_LEVELS):
            return self._signed()
        found = self._sum(level + 1)
        while infix := self._infix(_LEVELS[level]):
            found = f"{found} {infix} {self._sum(level + 1)}"
        return found

    def _infix(self, wanted: Sequence[str]) -> str:
        """The operation that comes next, when it is one of ``wanted``; it is then taken."""
        for phrase, sign in _INFIX.items():
            if sign in wanted and self._take(phrase):
                self.operations += 1
                return sign
        return ""

    def _signed(self) -> str:
        if self._take("-") or self._take("−"):
            return f"-{self._inside()}"
        self._take("+")
        base = self._after(self._single())
        if self._infix(("**",)):
            return f"{base} ** {self._inside()}"
        return base

    def _inside(self) -> str:
        """What a minus sign or a power stands before; "minus 2 squared" has two readings."""
        found = self._deeper(self._signed)
        if self._tokens[self._place - 1] in ("squared", "cubed"):
            raise _NotUnderstood
        return found

    def _after(self, found: str) -> str:
        """What stands behind a number: !, squared, and "% of"."""
        for phrase, form in _AFTER.items():
            if self._take(phrase):
                self.operations += 1
                return form.format(found)
        for phrase in ("% of", "percent of", "per cent of"):
            if self._take(phrase):
                self._skip("the")
                self.operations += 1
                whole = self._signed()
                return self._alone(f"({found} * {whole} / 100)")
        return found

    def _single(self) -> str:
        self._skip("the")
        for phrase, form in _OF_ONE.items():
            if self._take(phrase):
                self.operations += 1
                self._skip("the")
                return self._alone(form.format(self._deeper(self._signed)))
        for phrase, form in _OF_MANY.items():
            if self._take(phrase):
                self.operations += 1
                return self._alone(_many(form, self._list()))
        found = self._next()
        if found[0].isdigit() or found[0] == ".":
            return _number(found)
        if found == "(":
            inner = self._deeper(lambda: self._sum(0))
            return self._closed(f"({inner})")
        if found in ("pi", "e"):
            return found
        if found in _CALLS and self._take("("):
            self.operations += 1
            return self._closed(f"{found}({', '.join(self._arguments())})")
        raise _NotUnderstood

    def _arguments(self) -> list[str]:
        found = [self._deeper(lambda: self._sum(0))]
        while self._take(","):
            found.append(self._deeper(lambda: self._sum(0)))
        return found

    def _list(self) -> list[str]:
        """``1, 2 and 3``, also in brackets; at least two."""
        bracket = self._take("[")
        if not bracket and self._take("the"):
            self._take("numbers")
        found = [self._item()]
        while self._take(", and") or self._take(",") or self._take("and"):
            found.append(self._item())
        if len(found) < 2 or (bracket and not self._take("]")):
            raise _NotUnderstood
        return found

    def _item(self) -> str:
        sign = "-" if self._take("-") else ""
        token = self._next()
        if not (token[0].isdigit() or token[0] == ".") or "," in token:
            raise _NotUnderstood
        return sign + _number(token)

    def _alone(self, found: str) -> str:
        """A function in words ends where its part ends: an operation behind it could belong inside."""
        if self._place < len(self._tokens) and self._tokens[self._place] not in (")", ",", "]"):
            raise _NotUnderstood
        return found

    def _closed(self, found: str) -> str:
        if not self._take(")"):
            raise _NotUnderstood
        return found

    def _deeper(self, part: Part) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NotUnderstood
        found = part()
        self._depth -= 1
        return found

    def _next(self) -> str:
        if self._place >= len(self._tokens):
            raise _NotUnderstood
        self._place += 1
        return self._tokens[self._place - 1]

    def _take(self, phrase: str) -> bool:
        """Takes the tokens of a phrase when they come next."""
        words = phrase.split()
        fits = list(self._tokens[self._place : self._place + len(words)]) == words
        self._place += len(words) if fits else 0
        return fits

    def _skip(self, word: str) -> None:
        self._take(word)


def _number(token: str) -> str:
    plain = token.replace(",", "")
    if len(plain) > 1 and plain[0] == "0" and plain[1].isdigit():
        raise _NotUnderstood
    return plain


def _many(form: str, items: Sequence[str]) -> str:
    return f"({' * '.join(items)})" if form == "*" else form.format(", ".join(items))
