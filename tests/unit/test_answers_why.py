"""Why something waits: each cause from facts by hand, and what is reckoned from expected durations."""

from __future__ import annotations

import msgspec
import pytest

from engine.answers.causes import causes
from engine.answers.facts import Behind, Facts
from engine.answers.holds import Cause
from engine.answers.task import explain_task
from engine.answers.why import Why, explain
from engine.context import held_back
from engine.estimates.moments import Moment
from engine.estimates.prediction import Prediction
from engine.forecasts import Forecast, Foresight
from engine.limits.breaker import State
from engine.limits.breakers import Shown
from engine.limits.lines import Held
from engine.lookups import Sign
from engine.model import Pause, Subtask
from engine.states import TaskStatus
from tests.support.facts import facts, failed, here, running, sub
from tests.support.fake_engine import NOW, a_task


def _codes(subtask: Subtask, known: Facts) -> list[str]:
    return [cause.code for cause in causes(subtask, known)]


def _one(subtask: Subtask, known: Facts) -> Cause:
    (cause,) = causes(subtask, known)
    return cause


@pytest.mark.parametrize(
    ("status", "fields", "code"),
    [
        ("pending", {"unmet": 2}, "dependency"),
        ("pending", {"unmet": 0}, "undecided"),
        ("ready", {}, "starting"),
        ("processing", {"started_at": NOW, "token": 1}, "running"),
        ("retrying", {"wake_at": NOW + 1000}, "backoff"),
        ("awaiting_approval", {"reason": "interrupted"}, "approval"),
        ("completed", {"completed_at": NOW}, "completed"),
        ("failed", {"completed_at": NOW}, "failed"),
        ("blocked", {}, "failed_dependency"),
        ("skipped", {"reason": "by a person"}, "skipped"),
        ("cancelled", {"completed_at": NOW}, "cancelled"),
        ("quarantined", {"interrupted": 3}, "quarantined"),
    ],
)
def test_every_state_has_a_cause(status: str, fields: dict[str, int], code: str) -> None:
    assert _codes(sub("a", status, **fields), facts()) == [code]


@pytest.mark.parametrize("code", ["breaker", "rate_limit", "concurrency", "rest"])
def test_what_a_limit_holds_back_says_which_and_until_when(code: str) -> None:
    stored = _one(sub("a", "retrying", wake_at=NOW, reason=held_back("resource:2", code, "too much of it")), facts())
    assert (stored.code, stored.data) == (code, {"until": NOW})
    assert stored.words == "waits: too much of it; it expects to start at 2026-11-18T11:06:40.123Z"

    live = Held("line", code, "even more", NOW)
    assert _codes(sub("a", "retrying"), facts(here=here(waits=lambda _: live))) == [code]


def test_a_ready_one_of_a_broken_type_waits_for_the_probe() -> None:
    broken = {"noop": Shown("noop", "noop", "", State.OPEN, "4 of the last 4 calls failed", NOW - 1000, NOW)}
    cause = _one(sub("a", "ready"), facts(here=here(broken=broken, limits={"noop": 0})))
    assert (cause.code, cause.data["until"]) == ("breaker", NOW)
    assert "POST /tools/noop/reset" in cause.advice


def test_a_ready_one_waits_for_the_narrowest_limit() -> None:
    ready = sub("a", "ready")
    full = {"running": 10, "of_task": 2, "of_type": {"noop": 1}}
    assert _codes(ready, facts(here=here(**full))) == ["slot"]
    assert _codes(ready, facts(here=here(**full), task={"max_parallel": 2})) == ["max_parallel"]
    limited = facts(here=here(**full, limits={"noop": 1}), task={"max_parallel": 2})
    assert _codes(ready, limited) == ["type_limit"]
    lowered = _one(ready, facts(here=here(**full, limits={"noop": 1}, lowered=frozenset({"noop"}))))
    assert "because resources ran short" in lowered.words
    assert _codes(ready, facts(here=here(tools=frozenset({"sleep"})))) == ["no_tool"]
    lacking = facts(here=here(**full), lacking={ready.id: "none has the capability gpu"})
    assert _one(ready, lacking).words == "no agent takes it: none has the capability gpu"


def test_the_place_in_line_is_told() -> None:
    waits = _one(sub("a", "ready"), facts(here=here(running=10, others=2), ahead={"T0001.0000000": 21}))
    assert waits.data == {"running": 10, "slots": 10, "other_tasks": 2, "place": 22}
    assert waits.words == (
        "waits for a slot: 10 of 10 are taken; it is the 22nd of its task in line, and 2 other tasks share the slots"
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"failure": "ValueError()"}, "engine_failed"),
        ({"unavailable": "no answer"}, "graph"),
        ({"draining": True}, "draining"),
        ({"owned": False, "sign": Sign(NOW - 1000)}, "elsewhere"),
        ({"owned": False, "sign": Sign(NOW - 16_000)}, "engine_gone"),
        ({"owned": False, "sign": Sign(NOW, left=True)}, "engine_gone"),
        ({"owned": False}, "engine_gone"),
    ],
)
def test_what_lies_in_the_engine_goes_first(fields: dict[str, object], code: str) -> None:
    known = facts(here=here(**fields), task={"pause": Pause()})
    assert _codes(sub("a", "ready"), known) == [code, "paused"]
    assert _codes(sub("a", "pending"), known) == [code, "paused", "undecided"]
    assert _codes(sub("a", "failed", completed_at=NOW), known) == ["failed"]


def test_a_pause_says_by_whom_and_until_when() -> None:
    waits = _one(sub("a", "ready"), facts(task={"pause": Pause("ada", NOW + 1000, "cancel")}))
    assert waits.words == "the task is paused by ada until 2026-11-18T11:06:41.123Z, then it is to cancel"
    assert waits.data == {"by": "ada", "until": NOW + 1000, "then": "cancel"}
    assert "until somebody resumes it" in _one(sub("a", "ready"), facts(task={"pause": Pause()})).words


@pytest.mark.parametrize(
    ("gate", "says"), [("cancelling", "cancelled: ada"), ("failing", "fast"), ("expired", "deadline")]
)
def test_a_closed_task_says_why(gate: str, says: str) -> None:
    waits = _one(sub("a", "ready"), facts(task={"gate": gate, "gate_detail": "ada"}))
    assert (waits.code, says in waits.words) == ("closing", True)


def test_one_that_runs_in_an_engine_that_is_gone_says_so() -> None:
    assert _codes(running("a"), facts(here=here(owned=False, sign=Sign(1)))) == ["engine_gone", "running"]
    assert _codes(running("a"), facts(here=here(owned=False, sign=Sign(NOW)))) == ["running"]


def test_what_was_skipped_follows_what_was_told_about_it() -> None:
    skipped, above = sub("b", "skipped", 1), sub("a", "skipped", 0, reason="by a person")
    assert _one(skipped, facts(told={skipped.id: "run_if any_failed does not hold"})).code == "run_if"
    assert _one(skipped, facts(told={skipped.id: "its run_if expression is false"})).code == "run_if"
    cause = _one(skipped, facts((skipped, [above]), told={skipped.id: "a dependency was skipped"}))
    assert (cause.code, cause.key) == ("skipped_dependency", "a")


# --- chains -----------------------------------------------------------------------------------------------------------


def _chain() -> tuple[Subtask, Facts]:
    """d waits for b and c; b waits for a, which runs; c failed to be quick and waits out a back-off."""
    a = running("a", 0, expected=10.0)
    b = sub("b", "pending", 1, unmet=1, expected=1.0)
    c = sub("c", "retrying", 2, wake_at=NOW + 3000, attempts=2, expected=2.0)
    d = sub("d", "pending", 3, unmet=2, expected=1.0)
    return d, facts((d, [b, c]), (b, [a]), behind=Behind(4, ["x", "y"], more=True))


def test_the_expected_start_is_the_latest_end_above() -> None:
    asked, known = _chain()
    why = explain(asked, known)
    assert {step.key: step.expected_end for step in why.chain} == {
        "d": NOW + 10_000,
        "b": NOW + 9_000,
        "c": NOW + 5_000,
        "a": NOW + 8_000,
    }
    assert (why.expected_start, why.roots, why.cut) == (NOW + 9_000, ["c", "a"], False)
    assert [cause.data["expected_end"] for cause in why.causes] == [NOW + 9_000, NOW + 5_000]
    assert why.causes[1].words == (
        "waits for c, which is retrying and is expected to be done at 2026-11-18T11:06:45.123Z"
    )
    assert why.words.startswith("d waits for b, which waits for a, which is processing: runs since ")
    assert "to be done at 2026-11-18T11:06:50.123Z. Behind it wait at least 4 subtasks: x and y." in why.words


@pytest.mark.parametrize(
    "change",
    [
        {"here": here(running=10)},
        {"here": here(owned=False, sign=Sign(NOW))},
        {"task": {"pause": Pause()}},
        {"task": {"pause": Pause("", NOW + 99_000, "cancel")}},
        {"task": {"gate": "cancelling"}},
    ],
)
def test_what_is_held_has_no_expected_start(change: dict[str, object]) -> None:
    ready = sub("a", "ready", expected=1.0)
    assert explain(ready, facts(**change)).expected_start is None  # type: ignore[arg-type]


def test_the_end_of_a_pause_and_a_prediction_are_taken_into_account() -> None:
    ready = sub("a", "ready", expected=1.0)
    assert explain(ready, facts(task={"pause": Pause("", NOW + 99_000)})).expected_start == NOW + 99_000
    held = facts(here=here(running=10), foresight=Foresight({"a": Moment(7.0, 9.5, 2.0)}, NOW))
    assert (explain(ready, held).expected_start, explain(ready, held).expected_end) == (NOW + 7_000, NOW + 9_500)
    assert explain(ready, held).words.startswith("a is ready: waits for a slot: 10 of 10 are taken. It is expected to ")
    assert "start at 2026-11-18T11:06:47.123Z and to be done at 2026-11-18T11:06:49.623Z." in explain(ready, held).words


@pytest.mark.parametrize(
    "change",
    [
        {"here": here(running=10, draining=True)},
        {"here": here(owned=False, sign=Sign(NOW))},
        {"here": here(tools=frozenset({"sleep"}))},
        {"task": {"pause": Pause()}},
        {"task": {"gate": "cancelling"}},
    ],
)
def test_a_forecast_is_not_told_of_what_does_not_start_by_itself(change: dict[str, object]) -> None:
    foresight = Foresight({"a": Moment(7.0, 9.5, 2.0)}, NOW)
    why = explain(sub("a", "ready"), facts(foresight=foresight, **change))  # type: ignore[arg-type]
    assert (why.expected_start, why.expected_end) == (None, None)


def test_what_is_foretold_follows_what_has_happened_since() -> None:
    old = Foresight(
        {"a": Moment(1.0, 2.0, 1.0), "b": Moment(None, 1.0, 5.0), "c": Moment(None, None, 4.0)}, NOW - 9_000
    )
    waits = explain(sub("a", "ready"), facts(foresight=old))
    assert (waits.expected_start, waits.expected_end) == (NOW, NOW + 1_000)
    assert explain(running("a"), facts(foresight=old)).expected_end == NOW
    assert explain(running("b"), facts(foresight=old)).expected_end == NOW
    below = sub("e", "pending", 1, unmet=1)
    shifted = msgspec.structs.replace(old, moments={**old.moments, "e": Moment(2.0, 4.0, 2.0)})
    chain = explain(below, facts((below, [sub("a", "ready")]), foresight=shifted))
    assert (chain.expected_start, chain.expected_end) == (NOW + 1_000, NOW + 3_000)
    again = explain(sub("b", "retrying", wake_at=NOW + 3_000), facts(foresight=old))
    assert (again.expected_start, again.expected_end) == (NOW + 3_000, NOW + 8_000)
    retrying = explain(sub("c", "retrying", wake_at=NOW + 3_000), facts(foresight=old))
    assert (retrying.expected_start, retrying.expected_end) == (NOW + 3_000, NOW + 7_000)
    assert explain(running("d", expected=3.0), facts(foresight=old)).expected_end is None


def test_nothing_is_reckoned_of_what_may_have_to_wait_for_a_slot() -> None:
    asked, known = _chain()
    full = msgspec.structs.replace(known, here=here(running=10))
    assert explain(asked, full).expected_start is None


def test_nothing_is_expected_where_one_above_is_unknown_or_was_not_read() -> None:
    a, b = running("a", 0, expected=None), sub("b", "pending", 1, unmet=1, expected=1.0)
    assert explain(b, facts((b, [a]))).expected_start is None
    known, wide = running("a", 0, expected=1.0), sub("b", "pending", 1, unmet=2, expected=1.0)
    why = explain(wide, facts((wide, [known])))
    data = [cause.data for cause in why.causes]
    assert (why.expected_start, data) == (
        None,
        [{"status": "processing", "expected_end": NOW}, {"number": 1}],
    )


def test_one_that_takes_longer_than_usual_is_expected_now() -> None:
    assert explain(running("a", expected=1.0), facts()).expected_end == NOW


def test_a_block_leads_through_every_level_to_what_failed() -> None:
    bad = failed("bad", 0)
    b, c = sub("b", "blocked", 1), sub("c", "blocked", 2)
    why = explain(c, facts((c, [b]), (b, [bad])))
    assert ([step.key for step in why.chain], why.roots, why.expected_start) == (["c", "b", "bad"], ["bad"], None)
    error = {"category": "logic", "message": "it broke", "suggestion": "Mend it."}
    assert why.chain[-1].causes[0].data["error"] == error
    assert why.words == (
        "c is blocked because of b, which depends on bad, which is failed: failed at 2026-11-18T11:06:35.123Z "
        "(5 s ago) on attempt 1: it broke. What to do: Mend it."
    )


def test_what_needs_a_person_is_told_before_what_only_takes_time() -> None:
    asks = sub("asks", "awaiting_approval", 0)
    slow = running("slow", 1, expected=1e6)
    waits = sub("waits", "pending", 2, unmet=2)
    why = explain(waits, facts((waits, [slow, asks])))
    assert why.words.startswith("waits waits for asks, which is awaiting_approval: waits for a person to approve it.")
    assert "It also depends on 1 other subtask that is open." in why.words


def test_a_long_chain_is_told_with_a_gap() -> None:
    row = [running("k0", 0), *(sub(f"k{n}", "pending", n, unmet=1) for n in range(1, 20))]
    known = facts(*((row[n], [row[n - 1]]) for n in range(1, 20)))
    words = explain(row[-1], known).words
    assert words.startswith("k19 waits for k18, which waits for k17, which waits for k16, which waits for (12 more), ")
    assert "which waits for k0, which is processing" in words


# --- tasks ------------------------------------------------------------------------------------------------------------


def _task(*urgent: Subtask, **fields: object) -> Why:
    return explain_task(facts(**fields), list(urgent))  # type: ignore[arg-type]


def test_a_task_says_what_holds_it_up_and_how_much_waits() -> None:
    counts = {"completed": 1, "processing": 2, "pending": 7}
    why = _task(running("a", 0), running("b", 1), task={"counts": counts})
    assert [(cause.code, cause.key) for cause in why.causes] == [("running", "a"), ("running", "b")]
    assert "A: runs since " in why.words
    assert "(and 1 more like this). 7 subtasks wait for these." in why.words
    assert why.counts == counts


def test_a_task_says_when_it_is_expected_to_be_done() -> None:
    end = Forecast(Prediction(10.0, 5.0, 20.0, 30.0, 9.0, {"kind": 2}), NOW - 1000, late=False)
    why = _task(running("a", 0), task={"counts": {"processing": 1}}, end=end)
    assert why.expected_end == NOW + 9_000
    assert (
        "It is expected to be done at 2026-11-18T11:06:49.123Z, and with four chances of five between "
        "2026-11-18T11:06:44.123Z and 2026-11-18T11:06:59.123Z."
    ) in why.words


def test_what_holds_all_of_a_task_is_told_once() -> None:
    why = _task(sub("a", "ready", 0), sub("b", "ready", 1), task={"pause": Pause("ada"), "counts": {"ready": 2}})
    assert [(cause.code, cause.key) for cause in why.causes] == [("paused", None)]
    held = _task(sub("a", "ready", 0), here=here(limits={"noop": 1}, of_type={"noop": 1}, held={"noop": 3}))
    assert [cause.code for cause in held.causes] == ["type_limit"]


def test_a_task_between_two_turns_has_a_cause_too() -> None:
    assert [cause.code for cause in _task(task={"counts": {"pending": 2}}).causes] == ["undecided"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(TaskStatus.COMPLETED, "completed"), (TaskStatus.FAILED, "failed"), (TaskStatus.CANCELLED, "cancelled")],
)
def test_a_final_task_says_how_it_ended(status: TaskStatus, code: str) -> None:
    task = {"status": status, "completed_at": NOW - 60_000, "error": '{"message": "2 subtasks failed"}'}
    why = _task(task=task, told={a_task().id: "ada"} if status is TaskStatus.CANCELLED else {})
    assert [cause.code for cause in why.causes] == [code]
    assert ("ada" in why.words) == (status is TaskStatus.CANCELLED)
    assert ("2 subtasks failed" in why.words) == (status is TaskStatus.FAILED)
