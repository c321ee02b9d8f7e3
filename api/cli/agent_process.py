"""A process that runs subtasks for an engine: registers, gives signs of life, takes what is handed over, returns what
comes of it, and drains when it is told to stop.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psutil
import structlog

from api.about import installed_version
from api.agent_app import create_agent_app
from api.cli.exits import USAGE, Stop
from api.cli.output import say
from api.cli.serve import Server, bound_socket, configured, url_of
from api.cli.signals import stop_signal
from engine.adapters.agents import EngineLink, Unanswered
from engine.clock import SystemClock
from engine.host import Asked, Host
from engine.model import Json
from engine.settings import Settings

FIRST_HEARTBEAT = 10.0
"""Until the engine has said how often it wants one, in seconds."""
SOON = 1.0
"""Before a registration that failed is tried again; it doubles up to a heartbeat."""
DELIVERY_SECONDS = 10.0
"""Time that results get to arrive when the agent is stopped."""
REPLIES = {200: "taken", 409: "fenced"}
_log = structlog.get_logger("agent")


async def serve_agent(
    settings: Settings, wanted: dict[str, Any], host: str, port: int, engine: str, *, by_claude: bool = False
) -> None:
    """Serves until a signal comes.

    Args:
        settings: of its tools, its limits and its token.
        wanted: what it registers with; an empty ``url`` becomes its own.
        host: address to listen on.
        port: port to listen on.
        engine: the address of the engine.
        by_claude: Claude Code carries out what is handed over, not the tools of the engine.

    Raises:
        SettingsError: Claude Code is not there.
        Stop: the port cannot be had, or the engine refuses it for good.
    """
    from api.wiring import build_agent_tools, build_claude_runner, build_vault

    build_vault(settings)
    tools = build_agent_tools(settings)
    lookup = build_claude_runner(settings, tools).get if by_claude else tools.get
    with bound_socket(host, port) as sock:
        wanted["url"] = wanted["url"] or url_of(sock)
        process = AgentProcess(settings, wanted, engine, lookup)
        server = Server(configured(create_agent_app(process)))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            await process.run(serving)
        finally:
            server.should_exit = True
            await serving
            await tools.close()


class AgentProcess:
    """One agent: what it says to the engine, and what it answers it."""

    def __init__(self, settings: Settings, wanted: dict[str, Any], engine: str, tools: Any) -> None:
        self.agent_id = str(wanted["agent_id"])
        self.token = settings.agent_token.get_secret_value()
        self.max_body_bytes = settings.max_body_bytes
        self._grace = settings.shutdown_grace_seconds
        self._wanted = wanted
        self._engine = engine
        self._link = EngineLink(engine, self.token)
        self._host = Host(tools, self._return, SystemClock(), int(wanted["slots"]), settings.task_timeout_seconds)
        self._host.freed = self._beat_soon
        self._interval = FIRST_HEARTBEAT
        self._registered = False
        self._leaving = False
        self._soon = asyncio.Event()
        self._refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._started = time.monotonic()

    async def run(self, serving: asyncio.Task[None]) -> None:
        """Works until a signal comes, or the server or the engine ends it."""
        called = stop_signal()
        beating = asyncio.create_task(self._beat_for_ever())
        stopped = asyncio.create_task(called.wait())
        await asyncio.wait((stopped, serving, self._refused), return_when=asyncio.FIRST_COMPLETED)
        try:
            if self._refused.done():
                raise Stop(self._refused.result(), USAGE)
            await self._drain()
            await self._sign_off(beating)
        finally:
            beating.cancel()
            stopped.cancel()
            await asyncio.wait({beating, stopped})
            await self._link.close()

    async def _drain(self) -> None:
        _log.info("draining; a second signal ends it at once", running=len(self._host.running))
        self._host.draining = True
        self._beat_soon()
        await self._host.drain(self._grace, DELIVERY_SECONDS)

    async def _sign_off(self, beating: asyncio.Task[None]) -> None:
        """Leaves, after the last heartbeat is answered: one that came later would register the agent anew."""
        self._leaving = True
        self._beat_soon()
        await asyncio.wait({beating})
        if self._registered:
            try:
                await self._link.leave(self.agent_id)
            except Unanswered as error:
                _log.info("not signed off", reason=str(error))

    # --- what it answers ----------------------------------------------------------------------------------------------

    def health(self) -> dict[str, Json]:
        """Whether it is there, and free."""
        return {
            "status": "healthy",
            "agent_id": self.agent_id,
            "is_available": self._host.free,
            "current_task": self._current,
            "sdk_version": installed_version(),
        }

    def status(self) -> dict[str, Json]:
        """How it is, in full."""
        return {
            **self._vitals(),
            "agent_id": self.agent_id,
            "capabilities": self._wanted["capabilities"],
            "slots": self._wanted["slots"],
            "engine": self._engine,
            "registered": self._registered,
            "draining": self._host.draining,
            "uptime_seconds": round(time.monotonic() - self._started, 1),
        }

    def execute(self, asked: Asked) -> bool:
        """Takes a subtask; False when it is busy."""
        taken = self._host.accept(asked)
        place = {"task_id": asked.task_id, "subtask": asked.key, "type": asked.type, "token": asked.token}
        _log.info("subtask taken" if taken else "busy", agent_id=self.agent_id, **place)
        return taken

    def cancel(self, subtask_id: str, token: int) -> bool:
        """Stops one; False when it is not here."""
        return self._host.cancel(subtask_id, token)

    @property
    def _current(self) -> str | None:
        running = self._host.running
        return running[0][0] if running else None

    def _vitals(self) -> dict[str, Json]:
        cpu, memory = self._used()
        return {
            "is_available": self._host.free,
            "current_task": self._current,
            "cpu_usage": cpu,
            "memory_usage": memory,
            "tasks_completed": self._host.completed,
            "running": [{"subtask_id": id_, "token": token} for id_, token in self._host.running],
        }

    def _used(self) -> tuple[float, float]:
        """Percent of a core since the last question, and MiB, with its tools' processes."""
        memory = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            try:
                memory += child.memory_info().rss
            except psutil.Error:  # it has just ended
                continue
        return round(self._process.cpu_percent(), 1), round(memory / 2**20, 1)

    # --- what it says -------------------------------------------------------------------------------------------------

    def _beat_soon(self) -> None:
        self._soon.set()

    async def _beat_for_ever(self) -> None:
        pause = SOON
        while not (self._refused.done() or self._leaving):
            try:
                good = await (self._beat() if self._registered else self._register())
            except Unanswered as error:
                if pause == SOON:
                    _log.warning(
                        "the engine does not answer; it is asked again", engine=self._engine, reason=str(error)
                    )
                good = False
            pause = SOON if good else min(2 * pause, self._interval)
            await self._rest(self._interval if good else pause)

    async def _rest(self, seconds: float) -> None:
        """Waits for the next heartbeat; one that has news comes at once."""
        try:
            async with asyncio.timeout(seconds):
                await self._soon.wait()
        except TimeoutError:
            pass
        self._soon.clear()

    async def _register(self) -> bool:
        status, answer = await self._link.register(self._wanted)
        if status == 200:
            self._interval = float(answer["heartbeat_seconds"])
            self._registered = True
            if self._host.draining:  # the engine takes who registers for free
                self._beat_soon()
            say(f"{self.agent_id} listens on {self._wanted['url']}, registered with {self._engine}")
            return True
        detail = answer.get("detail") if isinstance(answer, dict) else None
        if status in (400, 401, 403, 404, 409) and not self._refused.done():
            self._refused.set_result(f"the engine at {self._engine} refuses {self.agent_id} ({status}): {detail}")
        _log.warning("not registered", status=status, reason=detail)
        return False

    async def _beat(self) -> bool:
        status = await self._link.beat(self.agent_id, self._vitals())
        if status == 404:
            self._registered = False
            self._beat_soon()
        return status == 200

    async def _return(self, body: dict[str, Json]) -> str:
        """Returns a result to the engine."""
        try:
            status, answer = await self._link.result(self.agent_id, body)
        except (Unanswered, ValueError) as error:
            _log.warning("a result waits for the engine", subtask_id=body["subtask_id"], reason=str(error))
            return "again"
        if status == 404:
            self._registered = False
            self._beat_soon()
        if status in (400, 413):
            return await self._return_less(body, answer)
        return REPLIES.get(status, "again")

    async def _return_less(self, body: dict[str, Json], answer: Json) -> str:
        """A result that the engine cannot read becomes an error that says so."""
        if "output" not in body and "logs" not in body:
            _log.error("the engine takes no result of this agent", answer=answer)
            return "again"
        detail = answer.get("detail") if isinstance(answer, dict) else answer
        error = {"message": f"the engine does not take its result: {detail}"[:2000], "category": "configuration"}
        kept = {name: body[name] for name in ("task_id", "subtask_id", "token")}
        return await self._return({**kept, "status": "failed", "error": error})
