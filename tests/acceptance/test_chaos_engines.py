"""Several engines on one Neo4j, and a server without one: killed, frozen beyond their time, stopped and joined at
random, while tasks come in. Nothing is lost, nothing is settled twice, and no charge is made twice unasked.

``make test`` runs a short form, ``make chaos`` four engines for ten minutes. Every run prints its seed; CHAOS_SEED
repeats what is done to them, not when the machine does it.
"""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from tests.support.fleet import Fleet
from tests.support.services import Neo4jService

ENGINES = int(os.environ.get("CHAOS_ENGINES", "2"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "8"))
END_SECONDS = 120.0 + SECONDS / 2
pytestmark = pytest.mark.timeout(180 + SECONDS + END_SECONDS)


async def test_engines_are_killed_frozen_stopped_and_joined_and_every_task_ends_once(
    neo4j_server: Neo4jService, tmp_path: Path, namespace: str
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))
    print(f"CHAOS_SEED={seed} CHAOS_ENGINES={ENGINES} CHAOS_SECONDS={SECONDS:g}")
    settings = {"NEO4J_URL": neo4j_server.url, "NEO4J_AUTH": neo4j_server.auth, "NAMESPACE": namespace}
    fleet = Fleet(tmp_path, settings, random.Random(seed))
    try:
        await fleet.start(ENGINES)
        begun = time.monotonic()
        await fleet.suffer(SECONDS, (1.0, 6.0) if SECONDS > 30 else (0.5, 2.0))
        suffered = time.monotonic() - begun
        rest = await fleet.at_rest(END_SECONDS)
        for process in (fleet.server, *fleet.engines):
            assert await process.stop() == 0
        outcomes = await fleet.check(namespace)
    finally:
        fleet.discard()
    faults = {process.folder.name: found for process in fleet.everything if (found := _faults(process.log))}
    print(
        f"{len(fleet.tasks)} tasks in {suffered:.0f} s, all ended {rest:.0f} s later; done: {dict(fleet.done)}; "
        f"attempts: {dict(outcomes)}; approved: {sum(fleet.approved.values())}"
    )
    assert faults == {}
    assert outcomes["completed"] > 0


def _faults(log: Path) -> list[str]:
    """What an engine has called an error in its log."""
    return re.findall(r".*\[error.*(?:\n.*){0,40}", log.read_text())[:3] if log.exists() else []
