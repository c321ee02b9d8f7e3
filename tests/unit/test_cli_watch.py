"""Following a task from the command line: every event once, at a rate that spares the server, through its restarts."""

from __future__ import annotations

from typing import cast

import pytest

from api import schemas
from api.cli.client import Client, place_of
from api.cli.exits import USAGE, Stop
from api.cli.watch import FORECAST_SECONDS, PAGE, Forecast, events_of
from api.cli.words import forecast_line
from api.environment import engine_url
from engine.errors import SettingsError

GONE = Stop("no server answers", 3)


def view(seq: int, to: str = "processing", key: str | None = "a") -> schemas.EventView:
    rest = {"at": "2026-11-25T10:00:00.000Z", "event": "x", "from_": None, "status": to, "token": None, "detail": None}
    return schemas.EventView(seq=seq, key=key, to=to, **rest)  # type: ignore[arg-type]


class Pages:
    """A server whose pages are laid down; what is raised stands between them."""

    def __init__(self, *answers: list[schemas.EventView] | Stop) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []
        self.slept: list[float] = []

    def get(self, model: type, path: str, *, after: int, limit: int) -> schemas.EventPage:
        self.asked.append(after)
        answer = self.answers.pop(0)
        if isinstance(answer, Stop):
            raise answer
        return schemas.EventPage(events=answer, next_after=answer[-1].seq if answer else after)

    def follow(self, patience: float = 3.0) -> list[int]:
        client = cast(Client, self)
        return [event.seq for event in events_of(client, "T", pause=self.slept.append, patience=patience)]


def test_events_come_once_each_until_the_task_is_final() -> None:
    pages = Pages([view(1), view(2, "completed")], [], [view(3, "completed", None)])
    assert pages.follow() == [1, 2, 3]
    assert (pages.asked, pages.slept) == ([0, 2, 2], [1.0, 1.0])


def test_a_full_page_is_followed_at_once() -> None:
    pages = Pages([view(seq) for seq in range(1, PAGE + 1)], [view(PAGE + 1, "failed", None)])
    assert len(pages.follow()) == PAGE + 1
    assert (pages.asked, pages.slept) == ([0, PAGE], [])


def test_a_server_that_goes_away_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    pages = Pages([view(1)], GONE, GONE, [view(2, "cancelled", None)])
    assert pages.follow() == [1, 2]
    assert (pages.asked, pages.slept) == ([0, 1, 1, 1], [1.0, 1.0, 1.0])
    assert capsys.readouterr().err.count("waiting up to 3 s") == 1


def test_one_that_stays_away_ends_the_watching() -> None:
    pages = Pages([view(1)], *[GONE] * 9)
    with pytest.raises(Stop, match="no server answers"):
        pages.follow()
    assert len(pages.slept) == 4


def test_a_mistake_is_not_waited_for() -> None:
    pages = Pages(Stop("no such task", USAGE))
    with pytest.raises(Stop, match="no such task"):
        pages.follow()
    assert pages.slept == []


def test_keys_and_ids_of_every_form_are_one_part_of_the_path() -> None:
    assert place_of("a/b?c") == "/tasks/a%2Fb%3Fc"
    assert place_of("T1", "m[0]:x+y.z") == "/tasks/T1/subtasks/m%5B0%5D%3Ax%2By.z"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "http://127.0.0.1:8003"),
        ("", "http://127.0.0.1:8003"),
        ("https://engine.example/agent03/", "https://engine.example/agent03"),
    ],
)
def test_where_the_server_is(given: str | None, url: str) -> None:
    assert engine_url({} if given is None else {"ENGINE_URL": given}) == url


@pytest.mark.parametrize("given", ["localhost:8003", "ftp://x", "http://", "8003"])
def test_an_address_of_another_form_is_named(given: str) -> None:
    with pytest.raises(SettingsError, match="ENGINE_URL="):
        engine_url({"ENGINE_URL": given})


def progress(**fields: object) -> schemas.Progress:
    return schemas.Progress.model_validate({"percent": 10, "completed": 1, "total": 10, **fields})


ETA = {"eta": "2026-11-25T10:00:05.000Z", "eta_low": "2026-11-25T10:00:04.000Z", "eta_high": "2026-11-25T10:00:09.000Z"}


def test_a_forecast_is_told_with_its_interval_and_that_it_is_late() -> None:
    assert forecast_line(progress()) == ""
    line = forecast_line(progress(**ETA, late=True))
    assert all(moment in line for moment in ETA.values())
    assert line.endswith("later than foretold when it came in")
    assert "later" not in forecast_line(progress(**ETA))


def test_it_is_asked_now_and_then_and_told_when_it_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[schemas.Progress | Stop] = [progress(), progress(**ETA), progress(**ETA), GONE, progress(**ETA)]
    now, told, slept = [0.0], [], []  # type: ignore[var-annotated]

    class Server:
        def get(self, model: type, path: str) -> object:
            answer = answers.pop(0)
            if isinstance(answer, Stop):
                raise answer
            return schemas.TaskDocument.model_construct(task=schemas.Task.model_construct(progress=answer))

    forecast = Forecast(cast(Client, Server()), "T", told.append, clock=lambda: now[0], sleep=slept.append)
    for _ in range(10):
        forecast.pause(1.0)
        now[0] += FORECAST_SECONDS / 2

    assert (answers, len(told), slept) == ([], 1, [1.0] * 10)
