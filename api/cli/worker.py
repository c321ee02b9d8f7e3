"""``agent03 worker``: a pool of workers as a process, with its health on a port of its own."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.commands import EnvFile
from api.environment import load_settings

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.workers.pool import WorkerPool


def worker(
    count: Annotated[int | None, typer.Option(min=0, max=1_000, help="Workers; else WORKER_COUNT.")] = None,
    roles: Annotated[
        str | None, typer.Option(help="Roles that they run, comma separated; else WORKER_ROLES, else all.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of /health; else WORKER_PORT. 0 takes a free one.")
    ] = None,
    env_file: EnvFile = None,
) -> None:
    """Run agents for the engines behind REDIS_URL. SIGTERM ends turns and hands back; SIGTTIN and SIGTTOU scale."""
    from api.logging import configure_logging

    overrides = {"worker_count": count, "worker_roles": roles, "worker_port": port}
    settings = load_settings(env_file, overrides=overrides)
    configure_logging(settings)
    asyncio.run(run_workers(settings))


async def run_workers(settings: Settings) -> None:
    """Works until a signal comes.

    Raises:
        SettingsError: there is no Redis, or no key, or something else is not as it should be.
        Stop: with exit code 3 when Redis does not answer at the start, or the port cannot be had.
    """
    from api.cli.exits import UNREACHABLE, Stop
    from api.cli.serve import Server, bound_socket, configured
    from api.wiring import build_pool, build_redis
    from api.workers import health_app
    from engine.adapters.redis import RedisUnavailable

    redis = build_redis(settings)
    pool, agent = build_pool(settings, redis)
    async with AsyncExitStack() as last:
        sock = last.enter_context(bound_socket(settings.backend_host, settings.worker_port))
        last.push_async_callback(agent.close)
        await redis.open()
        last.push_async_callback(redis.close)
        try:
            await redis.ping()
        except RedisUnavailable as error:
            raise Stop(str(error), UNREACHABLE) from None
        server = Server(configured(health_app(pool, redis)))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        await pool.start()
        try:
            await _until_signal(pool, serving)
        finally:
            await pool.stop()
            server.should_exit = True
            await serving


async def _until_signal(pool: WorkerPool, serving: asyncio.Task[None]) -> None:
    """Waits for SIGTERM or SIGINT; a second one ends the process where it stands."""
    import structlog

    from api.cli.signals import stop_signal
    from engine.beside import Beside

    log = structlog.get_logger("worker")
    loop, called = asyncio.get_running_loop(), stop_signal()
    scaling = Beside(lambda error: log.error("not scaled", exc_info=error))

    loop.add_signal_handler(signal.SIGTTIN, lambda: scaling.start(pool.scale(pool.wanted + 1)))
    loop.add_signal_handler(signal.SIGTTOU, lambda: scaling.start(pool.scale(max(0, pool.wanted - 1))))
    waiting = asyncio.create_task(called.wait())
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await scaling.end()
