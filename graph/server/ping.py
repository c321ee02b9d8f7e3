"""Asks a server over Bolt whether it works: a login and a statement, not merely an open port."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from neo4j import GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

CONNECT_SECONDS = 2.0
LOGIN_SECONDS = 5.0
POLL_SECONDS = 0.1


class Answer(StrEnum):
    """What a ping brought."""

    WELL = "well"
    REFUSED = "refused"
    """It answers, but not to this password."""
    SILENT = "silent"


def ping(url: str, user: str, password: str) -> Answer:
    """Runs one statement. A server that does not answer costs five seconds at most, a closed port nothing."""
    try:
        with (
            GraphDatabase.driver(
                url,
                auth=(user, password),
                connection_timeout=CONNECT_SECONDS,
                connection_acquisition_timeout=LOGIN_SECONDS,
            ) as driver,
            driver.session(database="neo4j") as session,
        ):
            session.run("RETURN 1").consume()
    except Neo4jError as error:
        # Also when it has counted too many wrong passwords and answers with a pause.
        return Answer.REFUSED if ".Security." in (error.code or "") else Answer.SILENT
    except (DriverError, OSError):
        return Answer.SILENT
    return Answer.WELL


def await_bolt(url: str, user: str, password: str, seconds: float, alive: Callable[[], bool]) -> Answer:
    """Pings until the server answers, ``seconds`` have passed, or ``alive`` says that waiting is no use."""
    deadline = time.monotonic() + seconds
    while (answer := ping(url, user, password)) is Answer.SILENT and alive() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return answer
