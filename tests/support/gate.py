"""In CI the Neo4j tests must really run: skipped although Java and Maven are there, they fail the run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from graph.server import ToolsMissing
from graph.server.java import find_java, find_maven

SKIPPED = pytest.StashKey[list[str]]()


def skip_for_want_of_neo4j(config: pytest.Config, reason: str) -> None:
    """Skips the test and remembers why."""
    remember(config, reason)
    pytest.skip(f"no Neo4j for this test: {reason}")


def remember(config: pytest.Config, reason: str) -> None:
    """Keeps why there is no Neo4j for the end of the run."""
    config.stash.setdefault(SKIPPED, []).append(reason)


def complaint(config: pytest.Config, environ: Mapping[str, str]) -> str:
    """Why the run must not count as passed; empty when it may."""
    reasons = config.stash.get(SKIPPED, [])
    if not reasons or environ.get("CI", "").lower() not in ("true", "1"):
        return ""
    try:
        java, maven = find_java(environ), find_maven(environ)
    except ToolsMissing:
        return ""
    return (
        f"Neo4j tests were skipped in CI although {java.program} ({java.version}) and {maven} are there: {reasons[0]}"
    )
