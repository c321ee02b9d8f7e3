"""``agent03 neo4j start|stop|status``: a local Neo4j for those who have Java and no Docker (see ``graph.server``).

What ``start`` and ``status`` print on stdout is an environment file: ``agent03 serve --env-file`` takes it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.commands import EnvFile
from api.cli.exits import UNREACHABLE, Stop
from api.cli.output import say, show
from api.environment import load_settings, process_environment

if TYPE_CHECKING:
    from engine.settings import Settings
    from graph.server import Server, ServerSpec

BoltPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Bolt; else that of the last start, or a free one.")
]
HttpPort = Annotated[int | None, typer.Option(min=1, max=65535, help="Neo4j Browser; chosen in the same way.")]

neo4j = typer.Typer(no_args_is_help=True, help="A local Neo4j Community server, its data under DATA_PATH.")


@neo4j.command()
def start(bolt_port: BoltPort = None, http_port: HttpPort = None, env_file: EnvFile = None) -> None:
    """Start it, or find it running. Needs Java 17 and, the first time, Maven to fetch the server's jars."""
    from graph import server

    with _told():
        spec = _spec(env_file, bolt_port, http_port)
        say("agent03: starting Neo4j; the first start fetches its jars")
        started = server.start(spec)
    say(f"agent03: Neo4j {'was running already' if started.already_running else 'is up'}")
    _print_access(started.server)


@neo4j.command()
def stop(env_file: EnvFile = None) -> None:
    """Stop it cleanly; its data stays."""
    from graph import server

    with _told():
        ended = server.stop(_spec(env_file))
    say(f"agent03: Neo4j: {ended}")


@neo4j.command()
def status(env_file: EnvFile = None) -> None:
    """Say how it stands; exit code 3 unless it runs and answers."""
    from graph import server

    with _told():
        standing = server.status(_spec(env_file))
    if standing.state is not server.State.RUNNING or standing.server is None:
        raise Stop(f"Neo4j is {standing.state}: {standing.detail}", UNREACHABLE)
    _print_access(standing.server)


def _spec(env_file: EnvFile, bolt_port: int | None = None, http_port: int | None = None) -> ServerSpec:
    from graph.server import ServerSpec

    settings = load_settings(env_file)
    return ServerSpec.under(
        settings.data_path,
        process_environment(),
        bolt_port=bolt_port,
        http_port=http_port,
        engine_url=_engine_url(settings),
    )


def _engine_url(settings: Settings) -> str:
    """Where a browser on this machine finds an engine with these settings; "" when its port is not known before."""
    host = settings.backend_host
    host = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "::1") else host  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.backend_port}" if settings.backend_port else ""


def _print_access(server: Server) -> None:
    show(f"NEO4J_URL={server.url}\nNEO4J_AUTH={server.auth}\nNEO4J_BROWSER_URL={server.browser}")


@contextmanager
def _told() -> Iterator[None]:
    """Ends the command in one line when the local server cannot be managed."""
    from graph.server import LocalNeo4jError

    try:
        yield
    except LocalNeo4jError as error:
        raise Stop(str(error), UNREACHABLE) from None
