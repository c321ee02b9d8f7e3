"""The secrets among the settings: covered like any other, though no plan can name them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from engine.settings import Settings

_WORD = 12
"""Letters from which a password of nothing but letters is no word any more."""


def hidden_in(settings: Settings) -> Iterator[str]:
    """Every password and key that somebody has set. What the documents tell as a default is no secret."""
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield from filter(_is_no_word, _parts(name, value.get_secret_value()))
        elif isinstance(value, str) and "://" in value:
            yield from filter(_is_no_word, _password(value))


def _is_no_word(text: str) -> bool:
    """A password such as "password" would be covered wherever somebody writes the word, and protects nothing."""
    return not (text.isalpha() and len(text) < _WORD)


def _parts(name: str, text: str) -> Iterator[str]:
    if name == "neo4j_auth":
        yield text.partition("/")[2]
    elif "://" in text:
        yield from _password(text)
    else:
        yield text
        yield text.removeprefix("whsec_")


def _password(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password
    except ValueError:  # whoever uses the address says so
        return
    if password:
        yield password
        yield unquote(password)
