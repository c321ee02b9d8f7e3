"""Callbacks: who is told what, what an answer means, when it is tried again, and that a receiver can trust it."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.callbacks import ShownInCallbacks
from api.environment import load_settings
from engine.errors import InvalidInput, SettingsError
from engine.model import Event
from engine.plan import stored
from engine.plan.happenings import NAMES, is_last, name_of
from engine.plan.schema import TaskRequest
from engine.plan.stored import encode as encode_body
from engine.plan.validate import request_of
from engine.states import SUBTASK_MOVES, TASK_MOVES
from engine.tools.addresses import AddressPolicy
from engine.tools.signing import Signer
from engine.webhooks import place as places
from engine.webhooks.course import Course
from engine.webhooks.door import Door
from engine.webhooks.envelope import envelope, id_of
from engine.webhooks.lanes import Lanes
from engine.webhooks.place import PATIENCE_SECONDS, Place, judge, masked, pause
from tests.support.documents import blocks, prose
from tests.support.transcripts import REPOSITORY

WEBHOOKS = REPOSITORY / "docs" / "webhooks.md"
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoaXMgdGVzdCwgbG9uZyBlbm91Z2g="
URL = "https://receiver.example/hooks?token=s3cret&empty="
NOW = 1_800_000_000_000


def event(number: int, status: str = "processing", key: str = "", name: str = "", at: int = NOW) -> Event:
    return Event("TASK", number, at, key, status, 0, name)


def body(*callbacks: object) -> dict[str, object]:
    return {"plan": {"subtasks": [{"key": "a", "type": "noop"}]}, "callbacks": list(callbacks)}


def place(*names: str) -> Place:
    return Place("https://one.example/", list(names or places.FINAL_NAMES))


# --- names


def test_every_legal_move_has_a_name_that_can_be_asked_for() -> None:
    names = {name_of(event(1, move.target, "k", move.event)) for move in SUBTASK_MOVES}
    names |= {name_of(event(1, move.target, "", move.event)) for move in TASK_MOVES if move.event != "start"}
    names |= {name_of(event(1, "pending", "", "created"))}
    names |= {name_of(event(1, "processing", "", name)) for name in ("late", "report")}

    assert names == set(NAMES)
    assert all(name.split(".")[0] in ("task", "subtask", "approval") for name in NAMES)


def test_the_end_of_a_task_is_told_from_that_of_a_subtask() -> None:
    assert name_of(event(3, "failed", "", "finish")) == "task.failed" and is_last(event(3, "failed", "", "finish"))
    assert name_of(event(3, "failed", "k", "fail")) == "subtask.failed" and not is_last(event(3, "failed", "k"))
    assert name_of(event(2, "processing", "", "late")) == "task.delayed" and not is_last(
        event(2, "paused", "", "pause")
    )


# --- the door


def test_the_end_of_the_task_is_told_unless_something_else_is_asked_for() -> None:
    request = request_of(body({"url": URL}, {"url": URL, "events": ["*"]}))
    kept = stored.decode(encode_body(request, None, None)).callbacks

    assert [callback.events for callback in kept] == [["task.completed", "task.failed", "task.cancelled"], ["*"]]
    assert kept[0].url == URL


@pytest.mark.parametrize(
    ("callback", "pointer", "detail"),
    [
        ({"url": "ftp://a.example/"}, "/callbacks/0/url", "https://host/path"),
        ({"url": "https:///path"}, "/callbacks/0/url", "https://host/path"),
        ({"url": "https://user:pass@a.example/"}, "/callbacks/0/url", "no user"),
        ({"url": "https://a.example/#part"}, "/callbacks/0/url", "fragment"),
        ({"url": "https://a.example/" + "x" * 2_000}, "/callbacks/0/url", "2000"),
        ({"url": URL, "events": ["subtask.fail"]}, "/callbacks/0/events/0", "subtask.failed"),
        ({"url": URL, "events": []}, "/callbacks/0/events", "at least 1"),
        ({"url": URL, "secret": "x"}, "/callbacks/0/secret", ""),
        ("https://a.example/", "/callbacks/0", ""),
    ],
)
def test_a_callback_that_cannot_be_is_refused_at_its_place(callback: object, pointer: str, detail: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        request_of(body(callback))

    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert detail in refused.value.faults[0].detail


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/"]
)
def test_a_private_address_is_refused_unless_it_is_let_through(url: str) -> None:
    request = request_of(body({"url": "https://a.example/"}, {"url": url}))

    with pytest.raises(InvalidInput) as refused:
        Door(AddressPolicy(), True).refuse(request)
    assert [fault.pointer for fault in refused.value.faults] == ["/callbacks/1/url"]
    Door(AddressPolicy.parse(["127.0.0.0/8", "::1", "10.0.0.1", "169.254.169.254:80"]), True).refuse(request)


def test_callbacks_without_a_secret_are_refused_and_say_what_is_missing() -> None:
    with pytest.raises(InvalidInput, match="WEBHOOK_SECRET"):
        Door(AddressPolicy(), False).refuse(request_of(body({"url": URL})))
    Door(AddressPolicy(), False).refuse(TaskRequest())


@pytest.mark.parametrize("secret", ["s3cret", "whsec_", "whsec_czNjcmV0", "whsec_no base64 at all", "c2Vj" * 10])
def test_a_secret_of_the_wrong_form_stops_the_start_and_is_not_shown(secret: str) -> None:
    with pytest.raises(SettingsError, match=r"WEBHOOK_SECRET.*whsec_ and 24 to 64 bytes") as refused:
        load_settings(environ={"WEBHOOK_SECRET": secret})
    assert secret == "whsec_" or secret not in str(refused.value)


# --- what is sent


def test_a_receiver_verifies_what_is_sent_and_finds_the_event_in_it() -> None:
    ended = event(7, "completed", "k", "succeed", int(datetime.now(UTC).timestamp() * 1000))
    text = envelope(ended, "space", ShownInCallbacks(), None)
    headers = Signer(SECRET).headers(id_of(ended), int(datetime.now(UTC).timestamp()), text)

    found = Webhook(SECRET).verify(text, headers)
    assert found["data"]["event"]["seq"] == 7 and found["data"]["event"]["to"] == "completed"
    assert (found["specversion"], found["id"], headers["webhook-id"]) == ("1.0", "TASK:7", "TASK:7")
    assert (found["source"], found["subject"]) == ("/namespaces/space", "TASK/k")
    assert (found["type"], found["datacontenttype"]) == ("agent03.subtask.completed.v1", "application/json")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(text.replace("completed", "failed"), headers)


def test_a_receiver_that_does_what_the_document_says_trusts_what_is_signed_and_nothing_else() -> None:
    found: dict[str, Any] = {}
    exec(next(block.text for block in blocks(WEBHOOKS) if block.language == "python"), found)
    text = envelope(event(1, "pending", "", "created"), "space", ShownInCallbacks(), None)
    headers = Signer(SECRET).headers("TASK:1", int(datetime.now(UTC).timestamp()), text)

    assert found["received"](text.encode(), headers, SECRET)["type"] == "agent03.task.created.v1"
    with pytest.raises(WebhookVerificationError):
        found["received"](text.encode() + b" ", headers, SECRET)


def test_the_document_names_everything_that_can_be_asked_for_and_the_example_is_taken() -> None:
    assert set(NAMES) <= set(re.findall(r"`([a-z]+\.[a-z]+)`", prose(WEBHOOKS)))
    example = next(block.text for block in blocks(WEBHOOKS) if block.language == "json")
    Door(AddressPolicy(), True).refuse(request_of(json.loads(example)))


# --- what follows


def test_only_2xx_is_success_and_410_is_the_end() -> None:
    outcomes = [judge(status, {}, NOW).outcome for status in (200, 204, 410, 301, 400, 429, 500)]

    assert outcomes == ["delivered", "delivered", "gone", *["failed"] * 4]
    assert "not followed" in judge(302, {"location": "http://10.0.0.1/"}, NOW).error
    assert judge(503, {"retry-after": "120"}, NOW).asked == 120


def test_pauses_double_up_to_an_hour_and_are_spread() -> None:
    chance = random.Random(3)
    for failures, whole in ((1, 5), (2, 10), (5, 80), (11, 3600), (5_000, 3600)):
        seen = {pause(failures, 5, chance) for _ in range(50)}
        assert whole / 2 <= min(seen) < max(seen) <= whole


def test_what_fails_for_a_day_is_given_up_and_a_success_begins_anew() -> None:
    one, chance = place(), random.Random(1)

    assert one.failed("no", NOW, 5, 600, chance) == 600
    assert one.failed("no", NOW + 1_000, 5, 0, chance) is not None
    assert (one.failures, one.failing_since) == (2, NOW)
    one.arrived(4)
    assert (one.after, one.delivered, one.failures, one.failing_since, one.error) == (4, 4, 0, None, "")

    late = NOW + round(1000 * PATIENCE_SECONDS)
    assert one.failed("no", NOW, 5, 0, chance) is not None and one.failed("still no", late, 5, 0, chance) is None
    assert (one.given_up, one.done, one.error) == (True, True, "still no")
    assert places.decode(places.encode([one, place("*")])) == [one, place("*")]


def test_values_of_a_query_are_masked() -> None:
    assert masked(URL) == "https://receiver.example/hooks?token=***&empty=***"
    assert masked("https://a.example/x?s3cret") == "https://a.example/x?***"
    assert masked("https://a.example/x") == "https://a.example/x"


# --- the way through events


def test_a_course_passes_what_it_does_not_want_without_a_look_at_the_graph() -> None:
    woken: list[Course] = []
    course = Course("TASK", Place("https://a.example/", ["task.completed"], after=1), woken.append)

    course.hear([event(number, "ready", f"k{number}") for number in range(2, 50)])
    assert (course.place.after, woken) == (49, [])
    course.hear([event(50, "completed", "", "finish")])
    assert (course.place.after, woken, course.idle()) == (49, [course], False)


def test_a_gap_and_the_end_of_the_task_make_a_course_look() -> None:
    for heard in (event(3, "ready", "k"), event(2, "failed", "", "finish")):
        woken: list[Course] = []
        course = Course("TASK", Place("https://a.example/", ["subtask.failed"], after=1), woken.append)
        course.hear([heard])
        course.hear([event(9, "ready", "k")])
        assert woken == [course] and course.heard == 9


def test_a_receiver_that_hangs_holds_up_only_its_own_lane() -> None:
    lanes: Lanes[int] = Lanes(most=3, each=2)
    for number in range(10):
        lanes.add("hangs", number)
    lanes.add("answers", 10)

    taken = [lanes.take() for _ in range(4)]
    assert taken == [("hangs", 0), ("answers", 10), ("hangs", 1), None]
    lanes.done("answers")
    assert lanes.take() is None
    lanes.done("hangs")
    assert lanes.take() == ("hangs", 2)
