"""An agent that is told to stop has left for good, whatever heartbeat was under way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.cli import agent_process
from api.cli.agent_process import AgentProcess
from engine.settings import Settings


class SlowEngine:
    """Takes many turns of the event loop for each answer, so that calls overlap; notes who is there."""

    def __init__(self, heard: asyncio.Event) -> None:
        self.there = False
        self._heard = heard

    async def register(self, _wanted: object) -> tuple[int, dict[str, Any]]:
        self.there = True
        await self._turns(5)
        return 200, {"heartbeat_seconds": 10}

    async def beat(self, _agent_id: str, _vitals: dict[str, Any]) -> int:
        self._heard.set()
        await self._turns(30)
        return 200 if self.there else 404

    async def leave(self, _agent_id: str) -> None:
        self.there = False
        await self._turns(60)

    async def close(self) -> None: ...

    async def _turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)


async def test_a_heartbeat_on_its_way_does_not_register_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, heard = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(agent_process, "stop_signal", lambda: stop)
    settings = Settings(data_path=tmp_path, shutdown_grace_seconds=1)
    wanted = {"agent_id": "A", "url": "http://127.0.0.1:1", "slots": 1, "capabilities": []}
    process = AgentProcess(settings, wanted, "http://127.0.0.1:2", lambda _type: None)
    engine = SlowEngine(heard)
    monkeypatch.setattr(process, "_link", engine)
    serving = asyncio.create_task(asyncio.Event().wait())
    running = asyncio.create_task(process.run(serving))  # type: ignore[arg-type]
    while not engine.there:
        await asyncio.sleep(0)
    process._beat_soon()
    await heard.wait()  # one is on its way now
    stop.set()
    await running
    serving.cancel()
    assert not engine.there
