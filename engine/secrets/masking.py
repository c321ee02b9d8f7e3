"""Covers secrets in what comes back from a tool, in whatever form they are likely to come. Pure.

Looked for are the text itself, the ways in which JSON, Python, a URL and HTTP's basic login write it, and each longer
line of a text of several lines. What a program has computed from a secret (a hash of it, say) is not known.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import msgspec

from engine.model import Json

MASK = "***"
SHORTEST = 6
"""Characters of a secret; a shorter one would be found in many a harmless text."""
_LINE = 12
"""Characters of a line from which it is looked for by itself."""
_BASE64 = 8
"""Characters from which a secret is also looked for inside base64; what is left of a shorter one says too little."""


class Masker:
    """Covers the secrets that it was made with. Immutable.

    Args:
        secrets: the texts to cover; those below ``SHORTEST`` characters are left out.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._forms = tuple(sorted(found, key=lambda form: (-len(form), form)))
        self._in_json = tuple(dict.fromkeys(map(_quoted, self._forms)))
        self._least = min(map(len, self._forms), default=0)

    def hits(self, text: str) -> bool:
        """Whether a secret is in the text."""
        return len(text) >= self._least and any(form in text for form in self._forms)

    def text(self, text: str) -> str:
        """The text with every secret covered."""
        if self.hits(text):
            for form in self._forms:
                text = text.replace(form, MASK)
        return text

    def value(self, value: Json) -> Json:
        """The value with every secret in its texts, its names and its numbers covered."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(name): self.value(part) for name, part in value.items()}
            case list() | tuple():
                return [self.value(part) for part in value]
            case int() | float() if not isinstance(value, bool):
                return MASK if self.hits(str(value)) else value
        return value

    def output(self, output: Json) -> Json:
        """What a tool has returned, covered; as it is where nothing has to be, or where it is no JSON at all."""
        if not self._forms:
            return output
        try:
            text = msgspec.json.encode(output).decode()
        except (TypeError, ValueError, RecursionError):
            return output
        if len(text) < self._least or not any(form in text for form in self._in_json):
            return output
        return self.value(output)


def _forms(secret: str) -> Iterator[str]:
    """Every text that is looked for; all of them have at least ``SHORTEST`` characters."""
    yield from _written(secret)
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line.strip()) >= _LINE:
                yield from _written(line.strip())
    if len(secret) >= _BASE64:
        yield from _in_base64(secret.encode())


def _written(text: str) -> Iterator[str]:
    """A text as itself and as JSON (also inside JSON), Python and a URL write it."""
    yield text
    for once in (_quoted(text), json.dumps(text)[1:-1]):
        yield once
        yield _quoted(once)
    yield repr(text)[1:-1]
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)


def _quoted(text: str) -> str:
    """A text as it stands between the quotes of JSON."""
    return msgspec.json.encode(text).decode()[1:-1]


def _in_base64(data: bytes) -> Iterator[str]:
    """What is certain of the base64 of a text that holds ``data``, for each of the three places where it may begin."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode()
        unsure = (0, 2, 3)[before]
        tail = (0, 3, 2)[(before + len(data)) % 3]  # characters that depend on what follows, padding included
        part = whole[unsure : len(whole) - tail]
        yield part
        yield part.replace("+", "-").replace("/", "_")
