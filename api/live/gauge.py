"""How far a task is, told when it is worth it."""

from __future__ import annotations

from api.present import live_progress
from api.schemas.live import LiveProgress
from engine.forecasts import Forecast
from engine.model import Task

ETA_STEP_MS = 1000
"""A forecast that has moved by less is not told again."""


class Gauge:
    """Remembers what was told last."""

    def __init__(self) -> None:
        self._told: LiveProgress | None = None
        self._ends: tuple[int, ...] = ()

    def read(self, task: Task, forecast: Forecast | None) -> LiveProgress | None:
        """How far the task is; None when that is as good as told already."""
        view, ends = live_progress(task, forecast), _ends(forecast)
        if self._told is not None and _same(self._told, view) and not _moved(self._ends, ends):
            return None
        self._told, self._ends = view, ends
        return view


def _ends(forecast: Forecast | None) -> tuple[int, ...]:
    """Low, expected and high end, in milliseconds; nothing where nothing is known."""
    if forecast is None:
        return ()
    found = forecast.prediction
    return tuple(forecast.made_at + round(1000 * seconds) for seconds in (found.low, found.seconds, found.high))


def _moved(before: tuple[int, ...], now: tuple[int, ...]) -> bool:
    return len(before) != len(now) or any(abs(a - b) >= ETA_STEP_MS for a, b in zip(before, now, strict=True))


def _same(before: LiveProgress, now: LiveProgress) -> bool:
    """Whether all but the forecast is equal."""
    forecast = {"eta": now.eta, "eta_low": now.eta_low, "eta_high": now.eta_high}
    return before.model_copy(update=forecast) == now
