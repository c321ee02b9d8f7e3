"""Which local Neo4j: where it keeps its data and its jars, on which ports it listens, how much memory it may take.

Nothing here touches the disk. The environment comes in as an argument, because only the composition root reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NEO4J_VERSION = "5.26.30"
"""The version that ``pom.xml`` pins; part of the cache folder's name, so that versions never mix."""


def jar_cache(environ: Mapping[str, str]) -> Path:
    """The folder that keeps the server's jars between runs: under XDG_CACHE_HOME, or ~/.cache.

    Args:
        environ: the process environment.
    """
    named = environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path(environ.get("HOME") or "~").expanduser() / ".cache"
    return base / "agent03" / f"neo4j-{NEO4J_VERSION}"


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One local server. Two specs with the same ``folder`` mean the same server.

    Args:
        folder: data, configuration, logs, password and state of this server; absolute.
        cache: jars, shared by all servers of this user.
        environ: environment of the Java and Maven processes; its PATH (and JAVA_HOME) says where they are.
        bolt_port: TCP port of Bolt; None takes the one of the last start, else a free one.
        http_port: the same for Neo4j Browser.
        heap_mb: Java heap, MiB.
        page_cache_mb: Neo4j's page cache, MiB.
        engine_url: where Browser fetches its colours and guide; "" leaves Browser as it is.
        record_classes: keep an archive of loaded classes when a server that had data already is stopped; it halves
            later starts and costs some ten seconds, once.
        start_seconds: longest wait for Bolt after the Java process was started.
        stop_seconds: longest wait for a clean end before the process is killed.
    """

    folder: Path
    cache: Path
    environ: Mapping[str, str]
    bolt_port: int | None = None
    http_port: int | None = None
    heap_mb: int = 512
    page_cache_mb: int = 256
    engine_url: str = ""
    record_classes: bool = True
    start_seconds: float = 120.0
    stop_seconds: float = 60.0

    @classmethod
    def under(
        cls,
        data_path: Path,
        environ: Mapping[str, str],
        *,
        bolt_port: int | None = None,
        http_port: int | None = None,
        heap_mb: int = 512,
        page_cache_mb: int = 256,
        engine_url: str = "",
    ) -> ServerSpec:
        """The server of a data folder, its files under ``data_path/neo4j``."""
        folder = data_path.expanduser().absolute() / "neo4j"
        return cls(folder, jar_cache(environ), environ, bolt_port, http_port, heap_mb, page_cache_mb, engine_url)


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach a server that was started."""

    bolt_port: int
    http_port: int
    password: str = field(repr=False)
    pid: int
    started: float
    """When its process started, in seconds since 1970."""
    folder: Path
    user: str = "neo4j"

    @property
    def url(self) -> str:
        """The value for NEO4J_URL."""
        return f"bolt://127.0.0.1:{self.bolt_port}"

    @property
    def browser(self) -> str:
        """The address of Neo4j Browser; it answers about a second after Bolt does."""
        return f"http://127.0.0.1:{self.http_port}/browser/"

    @property
    def auth(self) -> str:
        """The value for NEO4J_AUTH."""
        return f"{self.user}/{self.password}"
