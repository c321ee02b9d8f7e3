"""Spans say what became of things and nothing else; without an SDK there are none, and nothing is loaded for them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.trace import StatusCode

from api.wiring import build_tracing
from engine.adapters import tracing
from engine.errors import Category, ToolError
from engine.plan import stored
from engine.tracing import NullTracing
from tests.support.metrics import claim, settled
from tests.support.traces import Collected, collecting

QUIET = """
import sys
from pathlib import Path
from api.wiring import build_engine
from engine.settings import Settings
build_engine(Settings(data_path=Path(sys.argv[1]), neo4j_url="", redis_url=""))
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    with collecting(monkeypatch) as found:
        yield found


def traces() -> tracing.Traces:
    found = tracing.tracing()
    assert isinstance(found, tracing.Traces)
    return found


def test_without_an_sdk_nothing_is_written() -> None:
    assert isinstance(tracing.tracing(), NullTracing)


def test_without_an_sdk_nothing_is_loaded(tmp_path: Path) -> None:
    command = [sys.executable, "-c", QUIET, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n"


def test_an_sdk_that_was_set_up_is_found(collected: Collected) -> None:
    assert isinstance(build_tracing(), tracing.Traces)


def test_a_failure_is_named_and_its_words_are_kept_out(collected: Collected) -> None:
    found = traces()
    with pytest.raises(ToolError), found.tool("shell"):
        raise ToolError("the secret word", category=Category.TIMEOUT)
    with pytest.raises(KeyError), found.tool("shell"):
        raise KeyError("the secret word")
    with pytest.raises(asyncio.CancelledError), found.tool("shell"):
        raise asyncio.CancelledError
    seen = [(span.attributes["error.type"], span.status.status_code) for span in collected.spans if span.attributes]
    assert seen == [("timeout", StatusCode.ERROR), ("KeyError", StatusCode.ERROR), ("cancelled", StatusCode.UNSET)]
    assert "secret" not in collected.text


def test_attempts_of_a_task_lie_below_it_and_the_current_span_is_as_before(collected: Collected) -> None:
    found = traces()
    with found.submission() as origin:
        pass
    found.begin("T", origin)
    with found.attempt(claim("shell")) as span, found.tool("shell"):
        span.ended(settled("failed", "failed", "logic"))
    found.end("T", "failed")
    assert [collected.way(span) for span in collected.spans] == [
        ["submit"],
        ["submit", "task", "attempt shell", "execute_tool shell"],
        ["submit", "task", "attempt shell"],
        ["submit", "task"],
    ]
    assert [span.status.status_code for span in collected.spans][2:] == [StatusCode.ERROR] * 2
    with found.submission() as origin:
        pass
    assert collected.spans[-1].parent is None
    assert origin["traceparent"].split("-")[2] == f"{collected.spans[-1].context.span_id:016x}"


def test_an_attempt_of_a_task_that_began_before_there_were_traces_has_its_own(collected: Collected) -> None:
    found = traces()
    with found.attempt(claim()):
        pass
    found.end("T", "completed")
    assert [collected.way(span) for span in collected.spans] == [["attempt noop"]]


def test_where_a_trace_goes_on_is_kept_with_the_task_and_not_shown() -> None:
    body = stored.traced('{"cache":false}', {"traceparent": "00-1-2-01"})
    assert stored.decode(body).trace == {"traceparent": "00-1-2-01"}
    assert stored.as_sent(body) == {"cache": False}
    assert stored.traced('{"cache":false}', {}) == '{"cache":false}'
