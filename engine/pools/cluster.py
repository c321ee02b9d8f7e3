"""A Ray cluster as the engine knows it: through a bridge, a process of its own that ends when the cluster is lost.

While it is away nothing is tried; the bridge is started again and again, at growing intervals, until it is there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import structlog

from engine.beside import Beside
from engine.errors import SettingsError
from engine.executors import Lost
from engine.model import Json, Value
from engine.pools.calls import HEADER, ROOM, Call, Told, encoded, told_of
from engine.pools.demands import Node, processors
from engine.pools.link import Link
from engine.pools.workers import OUTPUT_BYTES, beginning, how_ended
from engine.ports import Clock
from engine.settings import Settings
from engine.tools.guardians import NotStarted
from engine.tools.process import Command, Limits, Processes

PAUSES = (1.0, 30.0)
"""First and longest pause between two attempts to reach the cluster, in seconds."""
CONNECT_SECONDS = 60.0
"""A cluster that has said nothing for so long after the bridge was started is not there; a local one has to start."""
ABOUT = 0
MOST_BYTES = 8 * OUTPUT_BYTES + ROOM
_BRIDGE = Path(__file__).with_name("ray_bridge") / "__main__.py"
_log = structlog.get_logger("ray")


class _News(Value, frozen=True):
    """What the bridge says of the cluster: its nodes, or why it cannot be reached."""

    up: list[Node] | None = None
    down: str = ""


class Cluster:
    """The cluster at RAY_ADDRESS.

    Args:
        settings: of the engine.
        variables: of the environment, for the bridge.
        clock: times.
    """

    def __init__(self, settings: Settings, variables: Mapping[str, str], clock: Clock) -> None:
        self.address = settings.ray_address
        self._settings, self._variables, self._clock = settings, variables, clock
        self._processes = Processes(settings.cancel_grace_seconds)  # a cluster of its own has many threads
        self._beside = Beside(lambda error: _log.error("nobody looks after the bridge to Ray", exc_info=error))
        self._link: Link | None = None
        self._calls: dict[int, Callable[[Told | None], None]] = {}
        self._number = ABOUT
        self._heard = 0.0
        self.nodes: list[Node] = []
        self.up = False
        self.words = "the Ray cluster is not reached yet"
        """Why it is away, while it is."""
        self.losses = 0
        """How often it was lost."""
        self.changed: Callable[[], None] = lambda: None
        """Told that it has come or gone, or that its nodes have changed."""

    def check(self) -> None:
        """Raises ``SettingsError`` where no cluster can ever be reached."""
        if not self.address:
            raise SettingsError(
                "a type is to run in a Ray cluster, and none is named: set RAY_ADDRESS to its host:port, or to local "
                "for one of this engine's own"
            )
        if "://" in self.address:
            raise SettingsError(
                f"RAY_ADDRESS={self.address:.100} is not usable: have a node of the cluster on this machine "
                "(ray start --address=HOST:PORT --num-cpus=0) and name that host:port"
            )
        if importlib.util.find_spec("ray") is None:
            raise SettingsError("Ray is not installed here: pip install 'agent03-core-engine[ray]'")

    def begin(self) -> None:
        """Begins to look after the bridge."""
        self._beside.start(self._look_after())

    async def close(self) -> None:
        """Lets go of the cluster; what runs there is stopped."""
        await self._beside.end()
        await self._processes.close()

    # --- calls --------------------------------------------------------------------------------------------------------

    async def submit(self, call: Call, options: dict[str, Json], told: Callable[[Told | None], None]) -> int:
        """Hands a call over, and returns its number. ``told`` is told of it; None means that the cluster is lost.

        Raises:
            Lost: there is no cluster any more.
        """
        link = self._link
        if link is None or not self.up:
            raise Lost(self.words)
        self._number += 1
        number = self._number
        self._calls[number] = told
        await link.send(_numbered(number, msgspec.json.encode(options) + b"\n" + encoded(call)))
        return number

    def forget(self, number: int, cancel: bool) -> None:
        """Nobody wants to hear of a call any more; ``cancel`` has it stopped, by force."""
        self._calls.pop(number, None)
        if cancel and self._link is not None and not self._link.gone.done():
            self._beside.start(self._link.send(_numbered(number, b"cancel")))

    # --- the bridge ---------------------------------------------------------------------------------------------------

    async def _look_after(self) -> None:
        pause = PAUSES[0]
        while True:
            begun = self._clock.monotonic()
            try:
                await self._serve()
            except NotStarted as error:
                self.words = f"the bridge to Ray cannot be started: {error}"
            lasted = self._clock.monotonic() - begun
            pause = PAUSES[0] if lasted > 10 * PAUSES[1] else pause
            _log.warning("the Ray cluster is away", reason=self.words, next_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSES[1])

    async def _serve(self) -> None:
        """One life of the bridge."""
        link = self._link = Link(self._processes, self._take, lambda: None, MOST_BYTES)
        try:
            limits = Limits(None, None, OUTPUT_BYTES)
            await link.open(Command([sys.executable, "-P", str(_BRIDGE)], limits, env=self._variables))
            start = beginning(self._settings, [])
            start |= {"address": self.address, "processors": self._settings.executor_processes}
            self._heard = self._clock.monotonic() + CONNECT_SECONDS - self._settings.ray_timeout_seconds
            await link.send(msgspec.json.encode(start))
            await self._until_gone(link)
        finally:
            self._lose(link)
            await link.close(self._settings.cancel_grace_seconds)
            self._link = None

    async def _until_gone(self, link: Link) -> None:
        timeout = self._settings.ray_timeout_seconds
        while not link.gone.done():
            left = self._heard + timeout - self._clock.monotonic()
            if left <= 0:
                self.words = f"the Ray cluster at {self.address} gave no sign of life for {timeout:g} s"
                return
            await asyncio.wait([link.gone], timeout=min(left, timeout))
        if self.up:
            self.words = f"the Ray cluster at {self.address} is lost: its bridge {how_ended(link.gone.result())}"

    def _lose(self, link: Link) -> None:
        was_up, self.up, self.nodes = self.up, False, []
        self.losses += was_up
        if said := link.last_words:
            _log.debug("the bridge to Ray has ended", said=said)
        calls, self._calls = self._calls, {}
        for told in calls.values():
            told(None)
        if was_up:
            self.changed()

    def _take(self, message: bytes) -> None:
        number, data = int.from_bytes(message[:HEADER], "big"), message[HEADER:]
        if number == ABOUT:
            self._news(msgspec.json.decode(data, type=_News))
            return
        told = self._calls.get(number)
        if told is not None:
            told(told_of(data))

    def _news(self, news: _News) -> None:
        self._heard = self._clock.monotonic()
        if news.up is None:
            self.words = f"the Ray cluster at {self.address} cannot be reached: {news.down}"
            return
        if not self.up:
            _log.info("the Ray cluster is there", nodes=len(news.up), processors=processors(news.up))
        different = not self.up or news.up != self.nodes
        self.up, self.nodes, self.words = True, news.up, ""
        if different:
            self.changed()


def _numbered(number: int, data: bytes) -> bytes:
    return number.to_bytes(HEADER, "big") + data
