"""What is thrown at everything that reads what strangers send, and what it may answer.

A target takes any example of its strategy and returns, or raises one of ``refusals``. Anything else is a fault: another
error, a crash of the process, or an answer that takes longer than ``SECONDS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
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
from tests.support.http import client_of

SECONDS = 5.0
"""Longest answer; generous, because a machine may be busy."""


@dataclass(frozen=True)
class Target:
    """Something that reads what strangers send."""

    strategy: st.SearchStrategy[Any]
    run: Callable[[Any], object]
    refusals: tuple[type[BaseException], ...]


# --- what is sent ---------------------------------------------------------------------------------------------------

ODD = st.sampled_from(
    [
        "",
        " ",
        "\0",
        "\n",
        "..",
        "/",
        "~",
        "{{",
        "}}",
        "\\{{",
        "'",
        '"',
        "`",
        "é",
        "\U0001f600",
        "\u2028",
        "\u202e",
        "﷽",
        "ſ",
        "İ",
    ]
)
TEXT = st.one_of(st.text(max_size=20), ODD, st.builds(lambda one, many: one * many, ODD, st.integers(1, 3_000)))
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from(
        [0, -1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 1e-320, float("nan"), float("inf")]
    ),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@dataclass(frozen=True)
class Deep:
    """A value inside so many lists, or objects with one name; told in a few words."""

    levels: int
    name: str | None
    value: Any

    def unfolded(self) -> Any:
        """As it is sent."""
        found = self.value
        for _ in range(self.levels):
            found = [found] if self.name is None else {self.name: found}
        return found

    def text(self) -> str:
        """As JSON, which the library's encoder does not write so deep."""
        before, after = ("[", "]") if self.name is None else (f"{{{json.dumps(self.name)}:", "}")
        return before * self.levels + json.dumps(self.value) + after * self.levels


def unfolded(example: Any) -> Any:
    """An example as a value."""
    if isinstance(example, Deep):
        return example.unfolded()
    if isinstance(example, dict):
        return {name: unfolded(value) for name, value in example.items()}
    return [unfolded(value) for value in example] if isinstance(example, list) else example


def sent(example: Any) -> bytes:
    """An example as JSON text; bytes go as they are."""
    return example if isinstance(example, bytes) else _text(example).encode(errors="replace")


def _text(example: Any) -> str:
    if isinstance(example, Deep):
        return example.text()
    if isinstance(example, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{_text(value)}' for name, value in example.items())}}}"
    return f"[{','.join(map(_text, example))}]" if isinstance(example, list) else json.dumps(example)


DEEP = st.builds(
    Deep, st.sampled_from([1, 40, 120, 600, 3_000]), st.sampled_from([None, "a", "input", "\u00e9"]), LEAVES
)
VALUES = st.one_of(ANYTHING, ANYTHING, DEEP)
KEYS = st.one_of(st.sampled_from(["a", "b", "c", "a.b", "a.output", "x[0]", "status"]), TEXT)
CEL_PIECES = st.sampled_from(
    [
        *(
            "subtasks",
            "input",
            "task",
            ".a",
            ".output",
            '["b"]',
            "status",
            "==",
            "&&",
            "||",
            "!",
            "?",
            ":",
            "+",
            "-",
            "*",
        ),
        *("%", "/", "(", ")", "[", "]", "{", "}", ",", "in", "has(", "size(", ".all(x, ", ".exists(y, ", ".map(z, "),
        *(
            ".filter(w, ",
            ".matches(",
            "x",
            "y",
            "z",
            "1",
            "1u",
            "0x1F",
            "1e400",
            "9223372036854775807",
            "'a'",
            '"b"',
            "r'\\'",
        ),
        *(
            "b'x'",
            "'''",
            "true",
            "null",
            "timestamp(",
            "duration(",
            "'1h'",
            "//",
            "\n",
            "\\",
            "type(",
            "int(",
            "string(",
        ),
    ]
)
CEL = st.one_of(
    st.lists(CEL_PIECES, max_size=40).map(" ".join),
    TEXT,
    st.builds(lambda p, n: p * n, CEL_PIECES, st.integers(1, 700)),
)
PATHS = st.lists(
    st.sampled_from(
        [".output", ".status", ".error", ".a", "[0]", "[999999999]", ".0", ".a-b", "[", "]", ".", ".é", "['x']"]
    ),
    max_size=6,
).map("".join)
HEADS = st.sampled_from(
    ["subtasks.a", "subtasks.a.b", "previous_output", "item", "items", "index", "input", "secrets.X", "subtasks", "x"]
)
REFERENCE = st.builds(
    lambda before, head, path, after: before + head + path + after,
    *(
        st.sampled_from(["{{", "{{ ", "\\{{", "{{{", "text {{"]),
        HEADS,
        PATHS,
        st.sampled_from(["}}", " }}", "}}}", "}", "}} text"]),
    ),
)
TEMPLATED = st.one_of(REFERENCE, st.lists(st.one_of(REFERENCE, TEXT), max_size=5).map("".join), VALUES)
TIMES = st.one_of(
    st.sampled_from(
        ["2026-11-21T10:15:30Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"]
    ),
    st.datetimes(timezones=st.timezones() | st.none()).map(str),
    st.from_regex(r"\A[0-9+-]{1,6}-[0-9]{1,3}-[0-9]{1,3}T[0-9:.]{0,20}[Z+-]?[0-9:]{0,8}\Z"),
    TEXT,
)
STEP = st.fixed_dictionaries(
    {"key": KEYS},
    optional={
        "type": st.one_of(st.sampled_from(["noop", "sleep", "calculate", "shell"]), LEAVES),
        "input": TEMPLATED,
        "dependencies": st.one_of(st.lists(KEYS, max_size=3), VALUES),
        "priority": st.one_of(st.integers(0, 10), VALUES),
        "run_if": st.one_of(
            st.sampled_from(["all_settled", "any_failed"]), st.fixed_dictionaries({"expression": CEL}), VALUES
        ),
        "map": st.one_of(
            st.fixed_dictionaries({"over": TEMPLATED}, optional={"limit": NUMBERS, "batch": NUMBERS}), VALUES
        ),
        "retry": st.one_of(
            st.dictionaries(st.sampled_from(["max_attempts", "backoff_seconds", "on", "jitter"]), VALUES), VALUES
        ),
        "timeouts": st.one_of(st.dictionaries(st.sampled_from(["queue_seconds", "attempt_seconds"]), VALUES), VALUES),
        "fallback": st.one_of(st.fixed_dictionaries({"type": st.just("noop"), "input": TEMPLATED}), VALUES),
        "limits": st.lists(
            st.fixed_dictionaries(
                {"key": st.one_of(TEXT, CEL.map(lambda c: "{{" + c + "}}"))}, optional={"rate": TEXT}
            ),
            max_size=2,
        ),
        "optional": LEAVES,
        "critical": LEAVES,
        "cache": VALUES,
        "requires_approval": VALUES,
        "timeout_seconds": NUMBERS,
        "required_capabilities": VALUES,
        "on_interrupt": LEAVES,
    },
)
PLAN = st.fixed_dictionaries(
    {
        "plan": st.one_of(
            st.fixed_dictionaries({"subtasks": st.one_of(st.lists(STEP, max_size=5), VALUES)}, optional={"x": VALUES}),
            VALUES,
        )
    },
    optional={
        **dict.fromkeys(("user_id", "name", "tags", "priority", "failure_policy", "deadline_seconds", "cache"), VALUES),
        **dict.fromkeys(("max_parallel", "aggregate", "callbacks", "input", "type", "agent_budget"), VALUES),
    },
)
YAML_PIECES = st.sampled_from(
    [
        *(
            "a: ",
            "- ",
            "? ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\n",
            "  ",
            "&x ",
            "*x",
            "<<: ",
            "|\n",
            ">\n",
            "# ",
            "---\n",
            "...\n",
        ),
        *(
            "!!binary ",
            "!!timestamp ",
            "!!set ",
            "!!omap ",
            "!!pairs ",
            "!!bool ",
            "!!int ",
            "!!float ",
            "!!null ",
            "!!str ",
        ),
        *(
            "!!python/object:os.system ",
            "!x ",
            "%YAML 1.2\n",
            "0x",
            "0o9",
            "1e999",
            "9" * 5_000,
            "~",
            "yes",
            "2026-01-01",
            "'",
            '"',
        ),
        *("\\x00", "\ufeff", "é", "plan: ", "subtasks: ", "key: a", "\t"),
    ]
)
YAML = st.one_of(
    st.lists(YAML_PIECES, max_size=30).map("".join).map(str.encode),
    st.binary(max_size=60),
    PLAN,
)
CYPHER_PIECES = st.sampled_from(
    [
        *(
            "MATCH ",
            "OPTIONAL MATCH ",
            "WITH ",
            "RETURN ",
            "UNWIND ",
            "CALL ",
            "UNION ",
            "ALL ",
            "WHERE ",
            "ORDER BY ",
            "LIMIT ",
        ),
        *(
            "CREATE ",
            "SET ",
            "DELETE ",
            "MERGE ",
            "REMOVE ",
            "FOREACH ",
            "LOAD CSV ",
            "COPY ",
            "USE ",
            "CASE ",
            "WHEN ",
            "THEN ",
        ),
        *(
            "END ",
            "EXISTS ",
            "COUNT ",
            "COLLECT ",
            "(n:Task)",
            "-[r:X*1..3]->",
            "n.id",
            "$p",
            "'x'",
            '"y"',
            "`z`",
            "1",
            "1.5e3",
        ),
        *(
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            ",",
            ":",
            ".",
            "|",
            "+",
            "*",
            "=",
            "=~",
            "//",
            "/*",
            "*/",
            ";",
            "\n",
            "\\u0027",
            "\0",
        ),
        *(
            "apoc.x(",
            "nextval(",
            "range(",
            "x -> ",
            "AS ",
            "IN ",
            "NOT ",
            "AND ",
            "é",
            "\u00a0",
            "'",
            '"',
            "`",
            "\\",
            "\\'",
        ),
    ]
)
CYPHER = st.one_of(
    st.lists(CYPHER_PIECES, max_size=60).map("".join),
    st.builds(lambda p, n: p * n, CYPHER_PIECES, st.integers(1, 9_000)),
    TEXT,
)
RESULT = st.fixed_dictionaries(
    {},
    optional={
        "task_id": st.one_of(st.just("T"), VALUES),
        "subtask_id": st.one_of(st.just("T.0"), VALUES),
        "token": st.one_of(st.integers(0, 3), VALUES),
        "status": st.one_of(st.sampled_from(["completed", "failed", "interrupted"]), VALUES),
        "output": VALUES,
        "error": st.one_of(
            st.fixed_dictionaries({"message": TEXT}, optional={"category": LEAVES, "delay": NUMBERS}), VALUES
        ),
        "usage": st.one_of(
            st.fixed_dictionaries({}, optional={"memory_bytes": NUMBERS, "cpu_seconds": NUMBERS}), VALUES
        ),
        "logs": st.one_of(
            st.lists(
                st.fixed_dictionaries({"message": TEXT}, optional={"level": LEAVES, "fields": VALUES}), max_size=2
            ),
            VALUES,
        ),
    },
)
HANDED = st.fixed_dictionaries(
    {"task_id": st.one_of(st.just("T"), VALUES)},
    optional={
        "subtask": st.one_of(
            st.fixed_dictionaries(
                {"subtask_id": st.just("T.0"), "type": st.just("noop"), "token": st.integers(0, 9)},
                optional=dict.fromkeys(("key", "input", "deadline", "timeout_seconds", "reduction"), VALUES),
            ),
            VALUES,
        ),
        "task_context": VALUES,
    },
)
AGENT = st.fixed_dictionaries(
    {
        "agent_id": st.one_of(st.just("agent-1"), VALUES),
        "url": st.one_of(st.just("http://127.0.0.1:1"), TEXT.map(lambda t: f"http://{t}"), VALUES),
    },
    optional={"capabilities": VALUES, "slots": VALUES, "version": VALUES, "more": VALUES},
)
BEAT = st.fixed_dictionaries(
    {"is_available": st.one_of(st.booleans(), VALUES)},
    optional=dict.fromkeys(("current_task", "cpu_usage", "memory_usage", "tasks_completed", "running"), VALUES),
)
PACK = st.fixed_dictionaries(
    {},
    optional={
        "files": st.one_of(
            st.lists(
                st.fixed_dictionaries({"path": TEXT}, optional={"content": VALUES, "required": VALUES}), max_size=3
            ),
            VALUES,
        ),
        "results": VALUES,
        "notes": VALUES,
        "more": VALUES,
    },
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.one_of(st.just("e-1"), VALUES),
        "type": st.one_of(st.sampled_from(["AGENT_STARTED", "AGENT_COMPLETED", "AGENT_FAILED"]), VALUES),
        **{
            name: st.one_of(TEXT, VALUES) for name in ("task_id", "subtask_id", "key", "role", "prompt", "context_path")
        },
        **dict.fromkeys(("context", "token", "result", "error", "usage", "output_schema", "budget"), VALUES),
    },
)
MESSAGE = st.one_of(
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "id": st.one_of(st.integers(0, 9), VALUES), "method": st.just("tools/call")},
        optional={
            "params": st.one_of(
                st.fixed_dictionaries(
                    {
                        "name": st.one_of(
                            st.sampled_from(["tasks", "submit", "watch", "read_file", "graph_query", "approve"]), TEXT
                        )
                    },
                    optional={
                        "arguments": st.one_of(
                            st.dictionaries(
                                st.sampled_from(["task_id", "key", "task", "limit", "path", "cypher", "cursor"]),
                                VALUES,
                                max_size=4,
                            ),
                            VALUES,
                        ),
                        "_meta": VALUES,
                    },
                ),
                VALUES,
            )
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": VALUES,
            "id": VALUES,
            "method": st.one_of(st.sampled_from(["initialize", "tools/list", "ping"]), VALUES),
            "params": VALUES,
        },
    ),
    VALUES,
)


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
