"""Metrics have bounded labels, base units and no globals; docs/metrics.md lists every one of them.

``python -m tests.unit.test_api_metrics`` writes the table of that page anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message, Receive, Scope, Send

from api.metrics import MAX_TYPES, Metrics
from api.metrics.levels import LEVELS, NOT_SHOWN
from api.middleware import Requests
from api.wiring import build_engine
from engine.settings import Settings
from tests.support.metrics import SUFFIXES, claim, everything, full, labels, settled, values

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
HEAD = "| metric | type | labels | what |\n|---|---|---|---|\n"


async def samples(metrics: Metrics) -> Mapping[Any, float]:
    text, content_type = await metrics.scrape("")
    assert content_type.startswith("text/plain")
    return values(text_string_to_metric_families(text.decode()))


async def test_turns_attempts_and_tasks_are_counted() -> None:
    metrics = Metrics()
    metrics.turn(0.002, settled=10, claimed=8)
    metrics.turn(0.004, settled=2, claimed=0)
    metrics.attempt(claim("shell", waited=250), settled("retrying", "failed", "timeout"), 1.5, None)
    metrics.attempt(claim("noop"), settled(), 0.001, None)
    metrics.task("failed", 12.0)
    metrics.task("cancelled", None)
    found = await samples(metrics)
    assert found["agent03_turn_seconds_count", ()] == 2
    assert found["agent03_turn_settled_subtasks_sum", ()] == 12
    assert found["agent03_turn_claimed_subtasks_sum", ()] == 8
    assert found["agent03_attempts_total", (("category", "timeout"), ("outcome", "failed"))] == 1
    assert found["agent03_attempts_total", (("category", ""), ("outcome", "completed"))] == 1
    assert found["agent03_retries_total", (("category", "timeout"),)] == 1
    assert found["agent03_attempt_seconds_sum", (("type", "shell"),)] == 1.5
    assert found["agent03_attempt_wait_seconds_sum", ()] == 0.25
    assert found["agent03_task_seconds_sum", (("status", "failed"),)] == 12
    assert found["agent03_task_seconds_count", (("status", "cancelled"),)] == 1


async def test_what_an_attempt_took_is_compared_with_what_was_expected() -> None:
    metrics = Metrics()
    metrics.attempt(claim("shell"), settled(), 3.0, 2.0)
    metrics.attempt(claim("noop"), settled(), 0.004, 0.001)  # noise
    metrics.attempt(claim("noop"), settled(), 3.0, None)  # a guess
    metrics.attempt(claim("noop"), settled("failed", "failed", "logic"), 3.0, 1.0)
    found = await samples(metrics)
    assert found["agent03_estimate_ratio_sum", (("type", "shell"),)] == 1.5
    assert ("agent03_estimate_ratio_count", (("type", "noop"),)) not in found


async def test_requests_are_counted_by_template() -> None:
    metrics = Metrics()
    metrics.request("GET", "/tasks/{task_id}", 200, 0.01)
    metrics.request("BREW", None, 404, 0.01)
    found = await samples(metrics)
    name = "agent03_http_request_seconds_count"
    assert found[name, (("method", "GET"), ("route", "/tasks/{task_id}"), ("status", "200"))] == 1
    assert found[name, (("method", "other"), ("route", "unmatched"), ("status", "404"))] == 1


async def test_a_stream_is_measured_to_its_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Message) -> None: ...

    monkeypatch.setattr("api.middleware.time.perf_counter", iter([10.0, 10.5, 500.0]).__next__)
    metrics = Metrics()
    await Requests(app, metrics)({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send)  # type: ignore[arg-type]
    labels = (("method", "GET"), ("route", "unmatched"), ("status", "200"))
    assert (await samples(metrics))["agent03_http_request_seconds_sum", labels] == 0.5


async def test_levels_are_read_at_every_scrape() -> None:
    metrics = Metrics()
    level = {"ready": 3, "running_by_type": {"shell": 2, "noop": 1}, "cache_hits": 4, "graph_answers": True}
    metrics.watch(lambda: level)
    assert (await samples(metrics))["agent03_subtasks_ready", ()] == 3
    level["ready"] = 5
    found = await samples(metrics)
    assert found["agent03_subtasks_ready", ()] == 5
    assert found["agent03_subtasks_running", (("type", "shell"),)] == 2
    assert found["agent03_cache_hits_total", ()] == 4
    assert found["agent03_graph_connected", ()] == 1


def test_whatever_an_engine_tells_is_shown(tmp_path: Path) -> None:
    told = build_engine(Settings(data_path=tmp_path, neo4j_url="", redis_url="")).snapshot()
    assert told.keys() == LEVELS.keys() - {"viewers"} | NOT_SHOWN


async def test_the_number_of_types_is_bounded() -> None:
    metrics = Metrics()
    for number in range(MAX_TYPES + 50):
        metrics.attempt(claim(f"type{number}"), settled(), 0.1, 0.1)
    running = {f"type{number}": 1 for number in range(MAX_TYPES + 50)}
    metrics.watch(lambda: {"running_by_type": running})
    found = await samples(metrics)
    for name in ("agent03_attempt_seconds_count", "agent03_estimate_ratio_count"):
        assert len([labels for given, labels in found if given == name]) == MAX_TYPES + 1
        assert found[name, (("type", "other"),)] == 50
    assert found["agent03_subtasks_running", (("type", "other"),)] == 50


async def test_a_folder_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.watch_places({"data": tmp_path, "blobs": tmp_path / "none"})
    found = await samples(metrics)
    assert found["agent03_disk_free_bytes", (("place", "data"),)] > 0
    assert ("agent03_disk_free_bytes", (("place", "blobs"),)) not in found


async def test_two_engines_in_one_process_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.turn(0.1, 1, 1)
    assert (await samples(second))["agent03_turn_seconds_count", ()] == 0
    assert "agent03_turn_seconds" not in {family.name for family in REGISTRY.collect()}


async def test_openmetrics_when_asked_for_says_the_same() -> None:
    metrics = full()
    text, content_type = await metrics.scrape("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    found = values(openmetrics.text_string_to_metric_families(text.decode()))
    assert {key for key in found if key[0].startswith("agent03")} == {
        key for key in await samples(metrics) if key[0].startswith("agent03")
    }


def test_names_are_in_base_units_and_say_what_they_are() -> None:
    for family in everything():
        assert re.fullmatch(r"(agent03|process|python)_[a-z0-9_]+", family.name)
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent|total|count)$", family.name)
        assert family.documentation.endswith(".") or not family.name.startswith("agent03")


# --- the page ---------------------------------------------------------------------------------------------------


def table() -> str:
    """Every metric, as the page shows it."""
    rows = [
        f"| `{family.name}{SUFFIXES[family.type][0] if family.type in ('counter', 'info') else ''}` | {family.type} | "
        f"{', '.join(f'`{label}`' for label in labels(family))} | {family.documentation.rstrip('.')}. |\n"
        for family in everything()
    ]
    return HEAD + "".join(sorted(rows))


def test_the_page_lists_every_metric() -> None:
    assert table() in PAGE.read_text("utf-8")


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(HEAD)
    after = rest[rest.find("\n\n") + 1 :]
    PAGE.write_text(before + table() + after, "utf-8")
