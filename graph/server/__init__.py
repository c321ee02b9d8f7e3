"""A local Neo4j Community server from its jars, for those who have Java and no Docker.

``start`` fetches the jars once (Maven), makes up a password, runs the server in a process group of its own with its
data under one folder, and waits until Bolt answers. A second start finds the running one. Everything the server needs
to know comes in a ``ServerSpec``.
"""

from graph.server.errors import JarsUnavailable, LocalNeo4jError, StartFailed, ToolsMissing
from graph.server.lifecycle import Started, State, Status, Stopped, start, status, stop
from graph.server.spec import NEO4J_VERSION, Server, ServerSpec, jar_cache

__all__ = [
    "NEO4J_VERSION",
    "JarsUnavailable",
    "LocalNeo4jError",
    "Server",
    "ServerSpec",
    "StartFailed",
    "Started",
    "State",
    "Status",
    "Stopped",
    "ToolsMissing",
    "jar_cache",
    "start",
    "status",
    "stop",
]
