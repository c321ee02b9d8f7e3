r"""References: ``{{subtasks.fetch.output.rows[0]}}`` in an input becomes the value that it names.

The whole grammar is one regular expression for the braces and one for the path, both without nested repetition, so
the time is linear in the text however hostile it is. Templating engines were tried and left out: they turn the text
"123" into a number and read ``my-key`` as a subtraction.

Three rules keep it safe and plain: only values are looked at, never keys; a string that is nothing but one reference
takes the type of what it names, any other becomes text; what a reference gave is never searched again.

Anything in double braces that is not a known head with an optional path stays as it is, and ``\{{`` is a literal
``{{``. A known head with a path that cannot be read is an error, not text: nobody means that.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from itertools import takewhile
from typing import NoReturn

import msgspec

from engine.errors import Category, ToolError
from engine.model import Json

MAX_TEXT = 64 * 1024 * 1024
"""Characters that the references of one input may put into strings; more is a mistake or an attack."""

_BLANKS = r"[ \t\r\n]*+"
_HEADS = "previous_output|subtasks|items|item|index|input|secrets"
_TOKEN = re.compile(rf"\\\{{\{{|\{{\{{{_BLANKS}({_HEADS})([.\[][^\s{{}}()|,'\"]*+)?{_BLANKS}\}}\}}")
_PATH = re.compile(r"(?:\.[^.\[\]]++|\[[0-9]{1,9}\])*")
_PART = re.compile(r"\.([^.\[\]]++)|\[([0-9]{1,9})\]")
_MARK = re.compile(r"\.(?:output|status|error)(?=[.\[]|\Z)")
_KEY_LIMIT = 200

Path = tuple[str | int, ...]
"""The steps of a path: a name (or a number written ``.n``) as text, ``[n]`` as a number."""


class Reference(msgspec.Struct, frozen=True):
    """One reference where it stands.

    ``place`` is a JSON pointer into the searched value, ``text`` what stands there, shortened for messages. ``key`` is
    the subtask that it names, ``known`` whether the plan has it; ``path`` begins with output, status or error where
    ``head`` is "subtasks". ``whole`` says that the string holds nothing else. ``problem`` tells why it cannot be read;
    empty when it can.
    """

    place: str
    text: str
    head: str
    key: str
    known: bool
    path: Path
    whole: bool
    problem: str


class Found(msgspec.Struct, frozen=True):
    """What a search found. ``needed``: the value has references or escaped braces, so it must be resolved."""

    references: list[Reference]
    needed: bool


class Outcome(msgspec.Struct, frozen=True):
    """What a reference may see of a subtask. ``output`` is None unless it completed; ``error`` is a JSON value."""

    status: str
    output: Json = None
    error: Json = None


class Scope(msgspec.Struct, frozen=True):
    """What references resolve to.

    ``previous`` holds the outputs of the declared dependencies by key, ``input`` the task's. ``item`` and ``index``
    stay unset outside a map, ``items`` outside a batch. ``secrets`` are given for the call of a tool alone: without
    them a reference to one stays as it is. Values are handed out as they are, not copied.
    """

    previous: Mapping[str, Json] = {}
    subtasks: Mapping[str, Outcome] = {}
    input: Json = None
    item: Json = msgspec.UNSET
    items: Json = msgspec.UNSET
    index: int | msgspec.UnsetType = msgspec.UNSET
    secrets: Mapping[str, str] = {}


def has_braces(encoded: bytes) -> bool:
    """Whether a value, given as JSON text, can hold a reference at all: outside strings JSON never has ``{{``."""
    return b"{{" in encoded


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Where the references and the escaped braces of a text begin and end, in order."""
    return (token.span() for token in _TOKEN.finditer(text))


def find(value: Json, known_keys: Container[str], literal: Container[str] = ()) -> Found:
    """Every reference in ``value`` in reading order, also faulty ones; top-level ``literal`` fields are left out."""
    references: list[Reference] = []
    needed = False
    for place, text in _strings(value, literal):
        for token in _TOKEN.finditer(text):
            needed = True
            if token[1] is not None:
                references.append(_reference(place, token, token.span() == (0, len(text)), known_keys))
    return Found(references, needed)


def resolve(value: Json, scope: Scope, literal: Container[str] = ()) -> Json:
    """``value`` with every reference replaced; top-level fields in ``literal`` stay untouched.

    Raises ``ToolError`` (configuration) that names the reference, the part of its path that is missing, and what is
    there instead; (resource) when the text would exceed ``MAX_TEXT`` characters.
    """
    resolver = _Resolver(scope)
    if isinstance(value, dict):
        return {name: part if name in literal else resolver.walk(part) for name, part in value.items()}
    return resolver.walk(value)


def with_secrets(value: Json, secrets: Mapping[str, str]) -> Json:
    """``value`` with the references to these secrets replaced and all else as it stands."""
    if isinstance(value, str):
        return _TOKEN.sub(lambda token: _secret(token, secrets), value)
    if isinstance(value, dict):
        return {name: with_secrets(part, secrets) for name, part in value.items()}
    return [with_secrets(part, secrets) for part in value] if isinstance(value, list) else value


def _secret(token: re.Match[str], secrets: Mapping[str, str]) -> str:
    return secrets.get((token[2] or "").removeprefix("."), token[0]) if token[1] == "secrets" else token[0]


def _strings(value: Json, literal: Container[str]) -> Iterator[tuple[str, str]]:
    """(JSON pointer, text) of every string value that holds braces, in reading order, without recursion."""
    if isinstance(value, dict):
        value = {name: part for name, part in value.items() if name not in literal}
    stack: list[tuple[str, Json]] = [("", value)]
    while stack:
        place, part = stack.pop()
        if isinstance(part, str):
            if "{{" in part:
                yield place, part
        elif isinstance(part, dict):
            stack.extend((f"{place}/{_escape(name)}", below) for name, below in reversed(part.items()))
        elif isinstance(part, list):
            stack.extend((f"{place}/{number}", part[number]) for number in range(len(part) - 1, -1, -1))


def _escape(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _reference(place: str, token: re.Match[str], whole: bool, known_keys: Container[str]) -> Reference:
    text, head, tail, key, known = _shorten(token[0]), token[1], token[2] or "", "", True
    if head == "subtasks":
        key, tail, known = _split_key(tail, known_keys)
        if not key:
            return Reference(place, text, head, "", False, (), whole, _NO_OUTPUT)
    path = _parse(tail) if known else ()
    problem = _BAD_PATH if path is None else ""
    if head == "secrets" and (path is None or len(path) != 1 or not isinstance(path[0], str)):
        problem = _NO_NAME
    return Reference(place, text, head, key, known, path or (), whole, problem)


_NO_OUTPUT = r"it names no subtask's output; write {{subtasks.KEY.output}}, or \{{ for literal braces"
_BAD_PATH = r"its path cannot be read; write .name or [number] for each step, or \{{ for literal braces"
_NO_NAME = r"it names no secret; write {{secrets.NAME}}, or \{{ for literal braces"
_SHOWN = 120


def _shorten(text: str) -> str:
    """``text`` as an error message may show it."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...}}}}"


def _split_key(tail: str, known_keys: Container[str]) -> tuple[str, str, bool]:
    """(key, rest, known): the key ends at the last mark that leaves a known one, else at the first mark.

    A key has at most 200 characters, so marks further on are not tried; that also keeps the time linear.
    """
    marks = [mark.start() for mark in takewhile(lambda mark: mark.start() <= _KEY_LIMIT + 1, _MARK.finditer(tail))]
    if not tail.startswith("."):
        return "", tail, False
    for end in reversed(marks):
        if tail[1:end] in known_keys:
            return tail[1:end], tail[end:], True
    return (tail[1 : marks[0]], tail[marks[0] :], False) if marks else ("", tail, False)


def _parse(tail: str) -> Path | None:
    """The steps of a path such as ``.rows[0].name``; None when it cannot be read."""
    if not _PATH.fullmatch(tail):
        return None
    return tuple(name if name else int(number) for name, number in _PART.findall(tail))


class _Resolver:
    """One pass over one input; counts the text that it makes."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._made = 0

    def walk(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._text(value) if "{{" in value else value
        if isinstance(value, dict):
            return {name: self.walk(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.walk(part) for part in value]
        return value

    def _text(self, text: str) -> Json:
        token = _TOKEN.match(text)
        if token and token[1] and token.end() == len(text):
            return self._value(token)
        return _TOKEN.sub(self._embedded, text)

    def _embedded(self, token: re.Match[str]) -> str:
        if token[1] is None:
            return "{{"
        value = self._value(token)
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        self._made += len(text)
        if self._made > MAX_TEXT:
            raise ToolError(
                f"{_shorten(token[0])}: the references of this input make more than {MAX_TEXT:,} characters of text",
                category=Category.RESOURCE,
                suggestion="Hand large values over whole, as a string that is only the reference.",
            )
        return text

    def _value(self, token: re.Match[str]) -> Json:
        scope = self._scope
        reference = _reference("", token, False, scope.subtasks)
        if reference.problem:
            _fail(reference.text, reference.problem)
        if not reference.known:
            _fail(reference.text, f'there is no subtask "{reference.key}" among those that this input may refer to')
        if reference.head == "subtasks":
            outcome = scope.subtasks[reference.key]
            start = {"output": outcome.output, "status": outcome.status, "error": outcome.error}
            return _follow(start, reference, f"subtasks.{reference.key}", outcome.status)
        start = _start(scope, reference)
        return start if reference.head == "secrets" else _follow(start, reference, reference.head, "")


def _start(scope: Scope, reference: Reference) -> Json:
    """The value of a head other than ``subtasks``; raises where the scope does not have it."""
    if reference.head == "secrets":
        return scope.secrets.get(str(reference.path[0]), reference.text)
    if reference.head == "previous_output":
        if not scope.previous:
            _fail(reference.text, "this subtask has no dependencies; name one")
        several = len(scope.previous) > 1
        return scope.previous if several else next(iter(scope.previous.values()))
    value = getattr(scope, reference.head)
    if value is msgspec.UNSET:
        needs = 'a "map" with a batch' if reference.head == "items" else 'a "map"'
        _fail(reference.text, f"it is only known inside {needs}")
    return value


def _follow(value: Json, reference: Reference, trail: str, status: str) -> Json:
    for step in reference.path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and (number := _number(step)) is not None and number < len(value):
            value = value[number]
        else:
            note = f" (subtask {status})" if value is None and status not in ("", "completed") else ""
            _fail(reference.text, f"{_missing(step)} in {trail}, which is {_describe(value)}{note}")
        trail += f"[{step}]" if isinstance(step, int) else f".{step}"
    return value


def _number(step: str | int) -> int | None:
    """A step as a list index; ``.7`` counts as ``[7]``."""
    if isinstance(step, int):
        return step
    return int(step) if step.isdecimal() and step.isascii() and len(step) <= 9 else None


def _missing(step: str | int) -> str:
    return f"there is no [{step}]" if isinstance(step, int) else f'there is no "{step[:_SHOWN]}"'


def _describe(value: Json) -> str:
    """What is there, without showing values: they may be secret or huge."""
    if isinstance(value, Mapping):
        names = ", ".join(f'"{str(name)[:40]}"' for name in list(value)[:10])
        more = f" and {len(value) - 10} more" if len(value) > 10 else ""
        return f"an object with {names}{more}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    kinds = {str: "text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _fail(text: str, why: str) -> NoReturn:
    raise ToolError(
        f"{text}: {why}",
        category=Category.CONFIGURATION,
        suggestion="Correct the reference, or what the subtask that it names gives.",
    )
