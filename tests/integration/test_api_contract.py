"""The API against its own document: generated requests of every operation get documented answers only.

A longer search by hand, with other examples each time:
``CONTRACT_EXAMPLES=300 python -m pytest tests/integration/test_api_contract.py -n 0 -s``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.metrics import Metrics
from api.wiring import open_engine
from engine.command import Command
from engine.service import Engine
from engine.settings import Settings
from tests.support.bridge import elsewhere

QUICK = 5
EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", QUICK))
"""Of each operation, as many right ones as wrong ones."""
checks.load_all_checks()
CHECKS = [
    checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    )
]


class Switch:
    """An application that is put in place later: what is generated is known before an engine runs."""

    target: ASGIApp = create_app(cast(Engine, None), Settings(), Metrics())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.target(scope, receive, send)


app = Switch()
schema = schemathesis.openapi.from_asgi("/openapi.json", app)
OPERATIONS = {found.ok().label: found.ok() for found in schema.get_all_operations()}
del OPERATIONS["GET /events"]  # its answer never ends


def modes(label: str) -> list[GenerationMode]:
    """Only what has a body or parameters beside its path can be sent wrongly."""
    says = OPERATIONS[label].definition.raw
    wrong = "requestBody" in says or any(given["in"] != "path" for given in says.get("parameters", ()))
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if wrong else [])]


KEY: dict[str, str] = {}
"""The header that lets every request in: else a key that is generated would shut the others out."""
REAL: dict[str, str] = {}
"""Tasks that there are, with a key of each: what is asked about nothing but chance would find nothing."""


async def real_tasks(engine: Engine) -> dict[str, str]:
    """A task that completed, one that failed, and one that stands still."""
    bodies = [
        {"plan": {"subtasks": [{"key": "a", "type": "noop"}, {"key": "b", "type": "noop", "dependencies": ["a"]}]}},
        {"plan": {"subtasks": [{"key": "b", "type": "calculate", "input": {"expression": "1 / 0"}}]}},
        {"plan": {"subtasks": [{"key": "b", "type": "sleep", "input": {"seconds": 600}}]}},
    ]
    ids = [(await engine.submit(body)).task_id for body in bodies]
    for id_ in ids[:2]:
        await engine.wait(id_)
    await engine.command(Command("pause", ids[2], mode="now"))
    return dict.fromkeys(ids, "b")


@schema.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, str] | None) -> object:
    """Every other id and key is one that there is; nothing of that is removed."""
    given = path_parameters or {}
    chosen = len(str(given.get("task_id", ""))) % (2 * len(REAL)) if REAL else len(REAL)
    if "task_id" not in given or chosen >= len(REAL) or context.operation.method == "delete":
        return path_parameters
    id_ = list(REAL)[chosen]
    return {**given, "task_id": id_} | ({"key": REAL[id_]} if "key" in given else {})


@pytest.fixture(scope="module", autouse=True)
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An engine on an embedded graph, which answers what is generated."""
    folder: Path = tmp_path_factory.mktemp("contract")
    own = Settings(
        data_path=folder,
        file_roots=[str(folder)],
        shutdown_grace_seconds=0.2,
        embedded_buffer_mb=128,
        max_body_bytes=100_000,
    )
    metrics = Metrics()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Engine]:
        async with open_engine(own, observer=metrics) as engine:
            yield engine

    with elsewhere(opened) as (place, engine):
        metrics.watch(engine.snapshot)
        REAL.update(place.run(real_tasks(engine)))
        KEY["X-API-Key"] = place.run(engine.keyring.create("the test", ["admin"]))[1]
        app.target = place.bridge(create_app(engine, own, metrics))
        yield


@pytest.mark.parametrize(("label", "mode"), [(label, mode) for label in OPERATIONS for mode in modes(label)])
def test_every_operation_keeps_to_its_document(label: str, mode: GenerationMode) -> None:
    """What is sent follows the document, or breaks it in one place."""

    @given(case=OPERATIONS[label].as_strategy(mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES <= QUICK,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def sent(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers=KEY)

    sent()
