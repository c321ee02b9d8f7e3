"""The texts that a server is started with: ``neo4j.conf`` and Java's argument file. Pure.

Java is called directly with what Neo4j's own launcher would print for these settings: asking the launcher first costs
a second Java process and two seconds at every start, and the version is pinned. An argument file keeps two hundred
jars out of the process list.

Durability is left as Neo4j ships it: a commit is on disk before it is acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

ENTRY_POINT = "org.neo4j.server.CommunityEntryPoint"
ADMIN_ENTRY_POINT = "org.neo4j.server.startup.Neo4jAdminBoot"

# As Neo4j's distribution sets them, without AlwaysPreTouch, which makes the start slow.
JAVA_FLAGS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:+UseG1GC",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:+TrustFinalNonStaticFields",
    "-XX:+DisableExplicitGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djdk.nio.maxCachedBufferSize=1024",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
)


def neo4j_conf(
    folder: Path, bolt_port: int, http_port: int, heap_mb: int, page_cache_mb: int, engine_url: str = ""
) -> str:
    """The text of ``neo4j.conf``. No comment may follow a value, and an unknown setting stops the start."""
    settings = {
        "server.default_listen_address": "127.0.0.1",
        "server.default_advertised_address": "127.0.0.1",
        "server.bolt.listen_address": f"127.0.0.1:{bolt_port}",
        "server.bolt.advertised_address": f"127.0.0.1:{bolt_port}",
        "server.http.listen_address": f"127.0.0.1:{http_port}",
        "server.http.advertised_address": f"127.0.0.1:{http_port}",
        "server.https.enabled": "false",
        "server.directories.data": folder / "data",
        "server.directories.transaction.logs.root": folder / "data" / "transactions",
        "server.directories.logs": folder / "logs",
        "server.directories.run": folder / "run",
        "server.directories.import": folder / "import",
        "server.memory.heap.initial_size": f"{heap_mb}m",
        "server.memory.heap.max_size": f"{heap_mb}m",
        "server.memory.pagecache.size": f"{page_cache_mb}m",
        "db.tx_log.preallocate": "false",
        "db.tx_log.rotation.size": "32m",
        "db.tx_log.rotation.retention_policy": "keep_none",
        # Bounds how much log a start after a crash has to replay.
        "db.checkpoint.interval.time": "5m",
        "db.lock.acquisition.timeout": "5s",
        # Bolt's threads would idle twice five seconds at every stop, after the databases are closed.
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
        "dbms.usage_report.enabled": "false",
        "client.allow_telemetry": "false",
    } | _browser(engine_url)
    lines = ["# Written at every start of the local server; changes are lost."]
    return "\n".join(lines + [f"{name}={value}" for name, value in settings.items()]) + "\n"


def _browser(engine_url: str) -> dict[str, str]:
    """What Browser fetches from an engine once it has connected, and that it may."""
    if not engine_url:
        return {}
    host = urlsplit(engine_url).hostname or ""
    hosts = dict.fromkeys([host, "localhost", "127.0.0.1", "guides.neo4j.com"])
    return {
        "browser.remote_content_hostname_whitelist": ",".join(hosts),
        "browser.post_connect_cmd": f"style {engine_url}/browser/style.grass; play {engine_url}/browser/guide",
    }


def java_arguments(jars: Iterable[Path], folder: Path, heap_mb: int, archive: Iterable[str]) -> list[str]:
    """What follows ``java``: flags, class path, entry point and the server's own options.

    Args:
        jars: every jar; sorted here, because an archive of classes holds for one order only.
        folder: the server's folder.
        heap_mb: Java heap, MiB.
        archive: the flags about an archive of classes.
    """
    class_path = ":".join(str(jar) for jar in sorted(jars))
    memory = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m"]
    # The web server unpacks Browser there, and leaves it behind when it is killed.
    scratch = f"-Djava.io.tmpdir={folder / 'tmp'}"
    server = [ENTRY_POINT, f"--home-dir={folder}", f"--config-dir={folder / 'conf'}", "--console-mode"]
    return [*JAVA_FLAGS, *archive, *memory, scratch, "-cp", class_path, *server]


def argument_file(arguments: Iterable[str]) -> str:
    """Java's ``@file`` form of an argument list: one quoted argument a line."""
    escaped = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
    return "".join(f'"{argument}"\n' for argument in escaped)
