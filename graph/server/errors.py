"""What can go wrong with the local Neo4j. Every message is one sentence that says what to do next."""

from __future__ import annotations

from engine.errors import EngineError


class LocalNeo4jError(EngineError):
    """The local Neo4j could not be managed. Run ``agent03 neo4j status`` to see how it stands."""


class ToolsMissing(LocalNeo4jError):
    """Java 17 or later, or Maven, is not installed: ``apt-get install openjdk-17-jre-headless maven``."""


class JarsUnavailable(LocalNeo4jError):
    """Maven could not fetch the server's jars. Check the network and the Maven settings, then start again."""


class StartFailed(LocalNeo4jError):
    """The server did not come up; its log says why."""
