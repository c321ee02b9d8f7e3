"""Metrics have bounded labels and no globals."""

from __future__ import annotations

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import MAX_TYPES, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text, content_type = metrics.render("")
    assert content_type.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_turns_and_attempts_are_counted() -> None:
    metrics = Metrics()
    metrics.turn(0.002, settled=10, claimed=8)
    metrics.turn(0.004, settled=2, claimed=0)
    metrics.attempt("shell", "failed", "timeout", 1.5)
    metrics.attempt("noop", "completed", None, 0.001)
    found = samples(metrics)
    assert found["agent03_turn_seconds_count", ()] == 2
    assert found["agent03_turn_settled_subtasks_sum", ()] == 12
    assert found["agent03_turn_claimed_subtasks_sum", ()] == 8
    assert found["agent03_attempts_total", (("category", "timeout"), ("outcome", "failed"))] == 1
    assert found["agent03_attempts_total", (("category", ""), ("outcome", "completed"))] == 1
    assert found["agent03_attempt_seconds_sum", (("type", "shell"),)] == 1.5


def test_requests_are_counted_by_template() -> None:
    metrics = Metrics()
    metrics.request("GET", "/tasks/{task_id}", 200, 0.01)
    metrics.request("BREW", None, 404, 0.01)
    found = samples(metrics)
    name = "agent03_http_request_seconds_count"
    assert found[name, (("method", "GET"), ("route", "/tasks/{task_id}"), ("status", "200"))] == 1
    assert found[name, (("method", "other"), ("route", "unmatched"), ("status", "404"))] == 1


def test_levels_are_read_at_every_scrape() -> None:
    metrics = Metrics()
    level = {"ready": 3, "running": {"shell": 2, "noop": 1}, "turns": 4}
    metrics.watch(lambda: level)
    assert samples(metrics)["agent03_ready", ()] == 3
    level["ready"] = 5
    found = samples(metrics)
    assert found["agent03_ready", ()] == 5
    assert found["agent03_running", (("type", "shell"),)] == 2
    assert found["agent03_turns_total", ()] == 4


def test_the_number_of_types_is_bounded() -> None:
    metrics = Metrics()
    for number in range(MAX_TYPES + 50):
        metrics.attempt(f"type{number}", "completed", None, 0.1)
    running = {f"type{number}": 1 for number in range(MAX_TYPES + 50)}
    metrics.watch(lambda: {"running": running})
    found = samples(metrics)
    counted = [labels for name, labels in found if name == "agent03_attempt_seconds_count"]
    assert len(counted) == MAX_TYPES + 1
    assert found["agent03_attempt_seconds_count", (("type", "other"),)] == 50
    assert found["agent03_running", (("type", "other"),)] == 50


def test_two_engines_in_one_process_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.turn(0.1, 1, 1)
    assert samples(second)["agent03_turn_seconds_count", ()] == 0
    assert "agent03_turn_seconds" not in {family.name for family in REGISTRY.collect()}


def test_openmetrics_when_asked_for() -> None:
    _, content_type = Metrics().render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
