"""``agent03 top``: what it makes of the numbers of an engine."""

from __future__ import annotations

from api.cli.top import Look, Runner, lines, read_metrics

SCRAPE = """# HELP agent03_attempts_total Finished attempts.
agent03_attempts_total{category="",outcome="completed"} 90.0
agent03_attempts_total{category="transient",outcome="retrying"} 8.0
agent03_attempts_total{category="logic",outcome="failed"} 2.0
agent03_attempt_seconds_bucket{le="0.1",type="odd \\"type\\" } 1"} 5.0
agent03_turns_total 50.0
agent03_cache_hits_total 3.0
agent03_cache_misses_total 1.0
process_start_time_seconds 1000.0
"""
LEVELS = {"open_tasks": 2.0, "running": 3.0, "slots": 10.0, "ready": 4000.0, "unsettled": 4003.0}


def look(at: float) -> Look:
    seen = Look(at, "healthy", LEVELS)
    read_metrics(seen, SCRAPE)
    return seen


def test_a_single_look_tells_rates_since_the_start_and_failures_by_category() -> None:
    first, levels, rates, cache, failed, *_ = lines(look(1010.0), None)

    assert first == "engine healthy, up 10.0s"
    assert levels == "tasks open 2   slots 3/10   ready 4,000   unsettled 4,003"
    assert rates == "attempts 10.0/s   turns 5.0/s since it started"
    assert cache == "cache 75% of 4 found"
    assert failed == "failed attempts: 8 transient, 2 logic"


def test_two_looks_tell_what_happened_between_them() -> None:
    before, after = look(1010.0), look(1012.0)
    after.counters["attempts"] += 30

    assert list(lines(after, before))[2] == "attempts 15.0/s   turns 0.0/s"


def test_what_runs_much_longer_than_expected_is_overdue() -> None:
    seen = look(1010.0)
    seen.runners = [Runner("T", "slow", "noop", 9.0, 3.0), Runner("T", "new", "noop", 1.0, None)]

    *_, shown = lines(seen, None)

    assert [" ".join(line.split()) for line in shown.splitlines()[1:]] == [
        "T slow noop 9.0s 3.0s, overdue",
        "T new noop 1.0s not known",
    ]
