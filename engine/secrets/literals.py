"""Finds secrets that somebody wrote into a plan: they would be stored, shown and cached with it. Pure.

Three things are taken for one: a header that carries a login, a password in a URL, and a text in the form of a key that
a well-known service gives out. Where a reference stands in their place all is well. It is a guard against mistakes: a
password in a field of its own looks like any other word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator

import msgspec

from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.references import find

HINT = (
    "would be stored with the task; keep it in the environment of the engine as AGENT03_SECRET_NAME, or in a file of "
    "SECRETS_PATH, and write {{secrets.NAME}} in the input of a subtask"
)
HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})

_LEAST = 9
"""Characters of the shortest text that can hold one, ``a://b:c@d``."""
_MARKS = (
    *(b"sk-", b"akia", b"asia", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"xox"),
    *(b"aiza", b"eyj", b"whsec_", b"a3_", b"private key-----"),
    *(b"://", b"authorization", b"cookie", b"x-api-key", b"bearer ", b"basic "),
)
"""In small letters what a text has to hold to be looked at more closely: most hold none of them."""
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<openai>sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,})"
    r"|(?P<aws>(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9]))"
    r"|(?P<github>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"
    r"|(?P<gitlab>glpat-[A-Za-z0-9_-]{20,})"
    r"|(?P<slack>xox[abeoprs]-[A-Za-z0-9-]{10,})"
    r"|(?P<google>AIza[0-9A-Za-z_-]{35})"
    r"|(?P<webhook>whsec_[A-Za-z0-9+/=]{24,})"
    r"|(?P<agent03>a3_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-]))"
    r"|(?P<jwt>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
    r")|(?P<pem>-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----)"
)
_NAMED = {
    "openai": "a key that begins with sk-",
    "aws": "an access key of AWS",
    "github": "a token of GitHub",
    "gitlab": "a token of GitLab",
    "slack": "a token of Slack",
    "google": "a key of Google",
    "webhook": "a secret that signs callbacks",
    "agent03": "a key of this API",
    "jwt": "a JSON Web Token",
    "pem": "a private key",
}
_USER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*:([^\s/?#@]+)@")
_QUERY = re.compile(
    r"[?&;](password|passwd|pwd|secret|client_secret|api_?key|access_token|auth_token)=([^&#;\s]+)", re.IGNORECASE
)
_HEADER = re.compile(
    r"\s*(?:(?:proxy-)?authorization\s*:\s*(?:(?:basic|bearer|digest|token|apikey)\s+\S+|\S{12,})"
    r"|cookie\s*:\s*[^\s=]+=\S.*|x-api-key\s*:\s*\S+)\s*",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"\s*(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}\s*", re.IGNORECASE)


def suspicious(encoded: bytes) -> bool:
    """Whether a value, given as JSON text, can hold one at all. Quick."""
    text = encoded.lower()
    return any(mark in text for mark in _MARKS)


def literals(value: Json, literal: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """(JSON pointer, what is wrong) of every secret in a value. Fields of ``literal`` are never resolved, so that a
    reference in them stands for nothing. The secret itself is in neither text.
    """
    stack: list[tuple[str, Json, bool, bool]] = [("", value, False, True)]
    while stack:
        place, part, in_headers, resolved = stack.pop()
        if isinstance(part, str):
            if what := _what(part, resolved):
                yield place, f"{what} {HINT}"
        elif isinstance(part, dict):
            for name, below in reversed(part.items()):
                here = f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}"
                inside = resolved and not (place == "" and name in literal)
                if in_headers and str(name).lower() in HEADERS and _written(below, inside):
                    yield here, f"the header {name} {HINT}"
                elif what := _what(str(name), False):
                    yield place, f"{what} in the name of a field {HINT}"
                else:
                    stack.append((here, below, str(name).lower() == "headers", inside))
        elif isinstance(part, list):
            stack.extend((f"{place}/{number}", part[number], in_headers, resolved) for number in range(len(part)))


def refuse_secrets(place: str, value: Json, written: Callable[[str], bool]) -> None:
    """Raises ``InvalidInput`` when a value, which stands at ``place``, has a secret in it; ``written`` says whether a
    text shows one of this engine.
    """
    encoded = msgspec.json.encode(value)
    found = [Fault(place + where, what) for where, what in literals(value)] if suspicious(encoded) else []
    if written(encoded.decode()):
        found.append(Fault(place, f"a secret of this engine {HINT}"))
    if found:
        raise InvalidInput(found)


def in_text(text: str) -> str:
    """What is wrong with a text in which nothing is resolved; "" when there is no secret in it."""
    what = _what(text, False) if suspicious(text.encode(errors="replace")) else ""
    return what and f"{what} {HINT}"


def _what(text: str, resolved: bool) -> str:
    """What in a text looks like a secret; "" for nothing."""
    if len(text) < _LEAST:
        return ""
    if key := _KEYS.search(text):
        return _NAMED[str(key.lastgroup)]
    if "://" in text:
        if any(_is_written(found[1], resolved) for found in _USER.finditer(text)):
            return "a password in a URL"
        for found in _QUERY.finditer(text):
            if _is_written(found[2], resolved):
                return f"{found[1]}= in a URL"
    if _HEADER.fullmatch(text) and _is_written(text, resolved):
        return f"the header {text.partition(':')[0].strip()}"
    return "a login that is sent as a header" if _LOGIN.fullmatch(text) else ""


def _written(value: Json, resolved: bool) -> bool:
    """Whether the value of a header is written out."""
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and text.strip() and _is_written(text, resolved) for text in texts)


def _is_written(text: str, resolved: bool) -> bool:
    """Whether no reference stands in a text."""
    return not (resolved and any(not reference.problem for reference in find(text, _Everything()).references))


class _Everything(Container[str]):
    """Every key: which subtasks there are is for others to judge."""

    def __contains__(self, key: object) -> bool:
        return True
