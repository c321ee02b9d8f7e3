"""Prefect with its temporary server on SQLite: task runs on threads, their states recorded by the server."""

import os
import tempfile

os.environ |= {
    "PREFECT_HOME": tempfile.mkdtemp(prefix="prefect-"),
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "DO_NOT_TRACK": "1",
}

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from timing import measure


@task(persist_result=False)
def step(*_before: int) -> int:
    """Does nothing."""
    return 1


@flow(log_prints=False)
def in_a_row(length: int) -> None:
    """One after the other."""
    last = step.submit()
    for _ in range(length - 1):
        last = step.submit(last)
    last.result()


@flow(log_prints=False)
def at_once(number: int) -> None:
    """As many at a time as the runner has threads."""
    for one in [step.submit() for _ in range(number)]:
        one.result()


def wide(number: int, width: int) -> None:
    """The same with so many threads."""
    at_once.with_options(task_runner=ThreadPoolTaskRunner(max_workers=width))(number)


if __name__ == "__main__":
    measure(in_a_row, wide)
