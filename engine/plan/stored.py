"""What is stored of a task's body beside its subtasks: the common fields, and what planning and ending add to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from engine.model import Json
from engine.plan.schema import TaskRequest
from engine.plan.spec import Refs

OF_THE_FORM = frozenset({"plan", "description", "type", "template", "parameters", "learned", "allowed_types"})
"""Fields of a body that its plan has taken the place of."""

OF_THE_ENGINE = frozenset({"aggregate_refs", "origin", "recall", "afresh", "trace"})
"""Fields of a stored body that nobody has sent."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a plan came about.

    ``by`` is strategy, rules, template, learned, model (which plans while the task runs) or none (nobody could plan
    it); ``name`` which one of these. ``key`` is what it is learned under, empty when it is not.
    """

    by: str
    name: str = ""
    level: str = ""
    reasons: list[str] = []
    key: str = ""


class Recall(msgspec.Struct, frozen=True):
    """That a task repeats another, ``of``, after a recall: ``keys`` run for certain, the rest only where its input has
    become another one.
    """

    of: str
    keys: list[str]


class TaskBudget(msgspec.Struct, frozen=True):
    """What all agents of a task may use together; None for no bound. ``cost`` is US dollars by CLAUDE_PRICES."""

    tokens: int | None = None
    cost: float | None = None


class StoredCallback(msgspec.Struct, frozen=True):
    """Who is told of which events."""

    url: str
    events: list[str]


class StoredReports(msgspec.Struct, frozen=True):
    """When reports of a task are made; see ``Reports`` of the body."""

    every_seconds: float | None = None
    milestones: tuple[int, ...] = (25, 50, 75)
    first_failure: bool = True


class StoredBody(msgspec.Struct, frozen=True):
    """The part of a stored body that running and ending the task need."""

    input: Any = None
    aggregate: str | None = None
    aggregate_refs: Refs | None = None
    origin: Origin | None = None
    recall: Recall | None = None
    cache: bool = True
    afresh: bool = False
    """Nothing of earlier tasks is used: a person wants it to run again."""
    on_failure: str = "keep"
    """"rollback": the files that it changed are put back when it fails or is cancelled."""
    callbacks: list[StoredCallback] = []
    reports: StoredReports | None = None
    user_id: str = ""
    agent_budget: TaskBudget | None = None
    trace: dict[str, str] = {}
    """Where its trace goes on: headers of W3C Trace Context."""


def encode(request: TaskRequest, refs: Refs | None, origin: Origin | None) -> str:
    """The common fields that differ from their defaults, and what belongs to them, as JSON text."""
    plain = TaskRequest()
    names = sorted(request.model_fields_set - OF_THE_FORM)
    kept: dict[str, Any] = {name: value for name in names if (value := getattr(request, name)) != getattr(plain, name)}
    kept |= {"aggregate_refs": refs} if refs is not None else {}
    kept |= {"origin": origin} if origin is not None else {}
    return msgspec.json.encode(kept, enc_hook=BaseModel.model_dump).decode()


def recalling(body: str, recall: Recall) -> str:
    """A stored body of a task that runs after a recall."""
    return msgspec.json.encode(msgspec.json.decode(body) | {"recall": recall}).decode()


def afresh(body: str) -> str:
    """The body of a task that is to use nothing of earlier ones."""
    return msgspec.json.encode({**msgspec.json.decode(body), "afresh": True}).decode()


def traced(body: str, headers: Mapping[str, str]) -> str:
    """The body of a task with where its trace goes on; as it is where nobody traces."""
    return msgspec.json.encode({**msgspec.json.decode(body), "trace": headers}).decode() if headers else body


def decode(body: str) -> StoredBody:
    """What running and ending need of a stored body."""
    return _DECODER.decode(body)


def as_sent(body: str) -> dict[str, Json]:
    """The common fields as they were sent."""
    found: dict[str, Json] = msgspec.json.decode(body)
    return {name: value for name, value in found.items() if name not in OF_THE_ENGINE}


_DECODER = msgspec.json.Decoder(StoredBody)
