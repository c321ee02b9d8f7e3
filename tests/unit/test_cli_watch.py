"""Following a task from the command line: every event once, at a rate that spares the server, through its restarts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from api import schemas
from api.cli.client import Client, place_of
from api.cli.exits import USAGE, Stop
from api.cli.watch import FORECAST_SECONDS, Forecast, events_of
from api.cli.words import forecast_line
from api.environment import engine_url
from engine.errors import SettingsError

GONE = Stop("no server answers", 3)
PROGRESS = (
    'event: progress\ndata: {"percent": 10, "completed": 1, "total": 10, "status": "processing", "phase": null, '
    '"counts": {}}\n\n'
)
END = "id: 3\nevent: end\ndata: {}\n\n"


def view(seq: int, to: str = "processing", key: str | None = "a") -> str:
    rest = {"at": "2026-11-25T10:00:00.000Z", "event": "x", "from_": None, "status": to, "token": None, "detail": None}
    body = schemas.EventView(seq=seq, key=key, to=to, **rest)  # type: ignore[arg-type]
    return f"id: {seq}\ndata: {body.model_dump_json(by_alias=True)}\n\n"


class Streams:
    """A server whose streams are laid down, one for each connection; what is raised stands at its end."""

    def __init__(self, *answers: list[str | Stop]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.slept: list[float] = []
        self.progress: list[float] = []

    def stream(self, path: str, media_type: str, headers: dict[str, str]) -> Iterator[bytes]:
        assert (path, media_type) == ("/tasks/T/events", "text/event-stream")
        self.asked.append(headers.get("Last-Event-ID", ""))
        for piece in self.answers.pop(0):
            if isinstance(piece, Stop):
                raise piece
            yield from (piece.encode()[at : at + 7] for at in range(0, len(piece.encode()), 7))

    def follow(self, patience: float = 3.0) -> list[int]:
        def see(progress: schemas.Progress) -> None:
            self.progress.append(progress.percent)

        events = events_of(cast(Client, self), "T", see, pause=self.slept.append, patience=patience)
        return [event.seq for event in events]


def test_events_come_once_each_until_the_end_is_told() -> None:
    streams = Streams(["retry: 2000\n\n", view(1), PROGRESS, view(2, "completed"), view(3, "completed", None), END])
    assert streams.follow() == [1, 2, 3]
    assert (streams.asked, streams.slept, streams.progress) == ([""], [], [10.0])


def test_a_server_that_goes_away_or_stops_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    streams = Streams([view(1), view(2)[:-9], GONE], [GONE], [GONE], [view(2)], [view(3, "cancelled", None), END])
    assert streams.follow() == [1, 2, 3]
    assert (streams.asked, streams.slept) == (["", "1", "1", "1", "2"], [1.0] * 4)
    assert capsys.readouterr().err.count("waiting up to 3 s") == 2


def test_one_that_stays_away_ends_the_watching() -> None:
    streams = Streams([view(1), GONE], *[[GONE]] * 9)
    with pytest.raises(Stop, match="no server answers"):
        streams.follow()
    assert len(streams.slept) == 3


def test_a_mistake_is_not_waited_for() -> None:
    streams = Streams([Stop("no such task", USAGE)])
    with pytest.raises(Stop, match="no such task"):
        streams.follow()
    assert streams.slept == []


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


def test_it_is_told_now_and_then_and_only_when_it_has_changed() -> None:
    now, told = [0.0], []  # type: ignore[var-annotated]
    forecast = Forecast(told.append, clock=lambda: now[0])
    for eta in ("10", "10", "11", "12", "12"):
        forecast.see(progress(**ETA | {"eta": f"2026-11-25T10:00:{eta}.000Z"}))
        now[0] += FORECAST_SECONDS / 2
    forecast.see(progress())

    assert [line.partition(" (")[0][-7:] for line in told] == ["10.000Z", "11.000Z", "12.000Z"]
