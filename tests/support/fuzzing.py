"""What is thrown at everything that reads what strangers send, and what it may answer.

A target takes any example of its strategy and returns, or raises one of ``refusals``. Anything else is a fault: another
error, a crash of the process, or an answer that takes longer than ``SECONDS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2
import msgspec
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from api import accept, yamlbody
from api.agent_app import CancelBody, ExecuteBody
from api.agents import Beat, Registration, ResultBody
from api.body import parse_json
from api.cli import planfile
from api.cli.exits import Stop
from api.cli.sse import Reader
from api.cursor import decode_cursor, encode_cursor
from api.door import known_name
from api.routes.live import PLACE, EventRange, Place
from api.routes.tasks import TaskFilter, _range
from api.trace_context import trace_id
from engine import conditions, references
from engine.agents.context import read_pack
from engine.errors import EngineError, InvalidInput, TooLarge, ToolError
from engine.idempotency import request_key
from engine.plan.build import build
from engine.plan.checks import Limits
from engine.plan.plain import is_plain
from engine.plan.validate import request_of, validate
from engine.queries.guard import guarded
from engine.queries.tokens import Refused, tokenize
from engine.rates import parse_rate, parse_rates
from engine.tools.calculate import Calculate
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from engine.tools.sleep import Sleep
from engine.workers import events
from graph.ladybug.asking import UNSAFE_FUNCTIONS
from tests.support.fake_engine import FakeEngine, a_task
from tests.support.hostile import CEL, CYPHER, NUMBERS, TEMPLATED, TEXT, TIMES, VALUES, sent, unfolded
from tests.support.hostile_bodies import AGENT, BEAT, EVENT, HANDED, MESSAGE, PACK, PLAN, RESULT, YAML
from tests.support.http import client_of

SECONDS = 5.0
"""Longest answer; generous, because a machine may be busy."""


@dataclass(frozen=True)
class Target:
    """Something that reads what strangers send."""

    strategy: st.SearchStrategy[Any]
    run: Callable[[Any], object]
    refusals: tuple[type[BaseException], ...]


# --- what reads it --------------------------------------------------------------------------------------------------

TOOLS = ToolRegistry([Noop(), Sleep(), Calculate()])
SCOPE = references.Scope(
    previous={"a": {"a": [1]}},
    subtasks={
        "a": references.Outcome("completed", {"a": [{"a": "x"}]}),
        "a.b": references.Outcome("failed", None, {"message": "m"}),
    },
    input={"a": [1, "x"]},
    item={"a": 1},
    items=[1],
    index=3,
    secrets={"X": "s3cret"},
)
FILTERS = {
    "from": TIMES,
    "to": TIMES,
    "cursor": TEXT,
    "status": TEXT,
    "limit": st.one_of(NUMBERS.map(str), TEXT),
    "search": TEXT,
    "after": st.one_of(NUMBERS.map(str), TEXT),
    "lag": TEXT,
}
WRITING = re.compile(r"\b(?:CREATE|SET|DELETE|MERGE|REMOVE|FOREACH|LOAD|COPY|USE)\b", re.IGNORECASE)


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def runs(work: Coroutine[Any, Any, Any]) -> Any:
    """A coroutine to its end."""
    return _runner().run(work)


def parsed(example: Any) -> Any:
    """A body as a route gets it."""
    return runs(parse_json(sent(example)))


def read_plan(example: Any) -> None:
    check_plan(unfolded(example))


def check_plan(body: Any) -> None:
    made = validate(body, TOOLS.get, TOOLS.names(), Limits())
    request_of(body)
    task = build(made, "01KAJ7M2Q8Z5T3V9W4X6Y7B8C9", 1)
    assert len(task.subtasks) == len(made.subtasks)
    request_key("k", "submit", body)


def read_yaml(data: Any) -> None:
    value = runs(yamlbody.parse_yaml(sent(data)))
    with contextlib.suppress(InvalidInput):
        check_plan(value)


def read_file(data: Any) -> None:
    import sys
    from unittest import mock

    with mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent(data)))):
        value = planfile.read_plan("-")
    with contextlib.suppress(InvalidInput):
        check_plan(value)


def read_json(data: Any) -> None:
    value = runs(parse_json(sent(data)))
    assert msgspec.json.decode(msgspec.json.encode(value)) == value


def read_reference(example: Any) -> None:
    value = unfolded(example)
    if not is_plain(value):
        return  # it does not get past the door
    found = references.find(value, {"a", "a.b"}, {"code"})
    given = references.resolve(value, SCOPE, {"code"})
    if not found.needed and value == value:
        assert given == value or isinstance(value, float)


def read_condition(text: str) -> None:
    scope: dict[str, Any] = {
        "subtasks": {"a": {"output": [1, "x"], "status": "failed"}},
        "input": {"a": "x"},
        "task": {"id": "T"},
    }
    conditions.check(text)
    conditions.keys(text)
    with contextlib.suppress(ToolError):
        conditions.holds(text, scope)
    with contextlib.suppress(ToolError, conditions.NotReadable):
        conditions.text(f"a {{{{{text}}}}} b", scope)


def read_query(text: str) -> None:
    sent = guarded(text, UNSAFE_FUNCTIONS)
    for token, after in zip(tokenize(sent.text)[0], tokenize(sent.text)[0][1:], strict=False):
        if token.word and WRITING.fullmatch(token.word):
            before = sent.text[: token.at].rstrip()
            named = before.endswith((".", ":")) or after.text == ":" or before[-2:].upper() == "AS"
            assert named, sent.text


def read_filter(given: dict[str, str]) -> None:
    _range(TaskFilter.model_validate({name: value for name, value in given.items() if name not in ("after", "lag")}))


def read_place(given: dict[str, str]) -> None:
    for model in (Place, EventRange):
        with contextlib.suppress(ValidationError):
            model.model_validate({name: given[name] for name in ("after", "lag") if name in given})


def read_cursor(text: str) -> None:
    row = decode_cursor(text)
    assert decode_cursor(encode_cursor(row)) == row


def read_rate(text: str) -> None:
    parse_rate(text)
    parse_rates({text: text, "user": text, "host=x": text})


def modelled(model: type[BaseModel], method: str = "") -> Callable[[Any], object]:
    """Reads a body as a model, the way a route does, and takes its value."""

    def run(body: Any) -> object:
        read = model.model_validate(parsed(body))
        return getattr(read, method)() if method else read

    return run


def read_beat(body: Any) -> None:
    beat = Beat.model_validate(parsed(body))
    beat.vitals()
    beat.works_on()


def read_event(body: Any) -> None:
    text = sent(body).decode()
    events.read_told(text)
    events.read_progress(text)
    events.read_started(text)


def read_stream(data: bytes) -> None:
    whole = list(Reader().feed(data + b"\n\n"))
    reader, pieces = Reader(), []
    for number in range(0, len(data), 3):
        pieces += list(reader.feed(data[number : number + 3]))
    assert pieces + list(reader.feed(b"\n\n")) == whole


def read_headers(text: str) -> None:
    accept.preferred(text, ["application/json", "text/event-stream"])
    accept.acceptable(text, ["application/json"])
    trace_id(text)
    known_name(text, [text])
    re.fullmatch(PLACE, text)


@cache
def _client() -> httpx2.AsyncClient:
    return client_of(FakeEngine(held_tasks=[a_task()]))


async def _send(content: bytes) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    for path in ("/mcp", "/tasks"):
        answer = await _client().post(path, content=content, headers=headers)
        assert answer.status_code < 500, (path, answer.status_code, answer.text)


def read_message(body: Any) -> None:
    runs(_send(sent(body)))


BAD_BODY = (InvalidInput, ValidationError)
TARGETS: dict[str, Target] = {
    "plan": Target(st.one_of(PLAN, PLAN, VALUES), read_plan, (InvalidInput,)),
    "yaml": Target(YAML, read_yaml, (InvalidInput, TooLarge)),
    "file": Target(YAML, read_file, (Stop,)),
    "json": Target(st.one_of(st.binary(max_size=80), VALUES), read_json, (InvalidInput,)),
    "reference": Target(TEMPLATED, read_reference, (ToolError,)),
    "condition": Target(CEL, read_condition, (conditions.NotReadable,)),
    "query": Target(CYPHER, read_query, (Refused,)),
    "filter": Target(st.fixed_dictionaries({}, optional=FILTERS), read_filter, (ValidationError, EngineError)),
    "place": Target(st.fixed_dictionaries({}, optional=FILTERS), read_place, ()),
    "cursor": Target(TEXT, read_cursor, (ValueError,)),
    "rate": Target(
        st.one_of(TEXT, st.from_regex(r"\A[0-9 ]{0,5}/(second|minute|hour|day|x)\s?\Z")), read_rate, (ValueError,)
    ),
    "agent result": Target(RESULT, modelled(ResultBody, "value"), BAD_BODY),
    "agent registration": Target(AGENT, modelled(Registration, "value"), BAD_BODY),
    "agent beat": Target(BEAT, read_beat, BAD_BODY),
    "handed over": Target(HANDED, modelled(ExecuteBody, "asked"), BAD_BODY),
    "cancelled there": Target(HANDED, modelled(CancelBody), BAD_BODY),
    "context pack": Target(st.one_of(PACK, TEXT), lambda given: read_pack("x", sent(given).decode()), (ToolError,)),
    "worker event": Target(EVENT, read_event, (events.NoEvent,)),
    "stream": Target(st.binary(max_size=200).filter(lambda d: b"\r" not in d), read_stream, (UnicodeDecodeError,)),
    "headers": Target(
        st.one_of(TEXT, st.from_regex(r"\A[a-z*]{0,4}/[a-z*]{0,4};q=[a-z0-9.]{0,6}(, ?)?")), read_headers, ()
    ),
    "message": Target(MESSAGE, read_message, ()),
}
