"""A stand-in for the engine's facade, for tests of the HTTP layer alone: it answers what a test has laid down.

It decides nothing, so it cannot drift into a second engine; the whole way is tested in ``tests/integration``.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from engine.command import Carried, Command
from engine.errors import NotFound
from engine.estimates.profile import Kind, Observation, Profile
from engine.estimates.promise import encode
from engine.estimates.trends import Trend
from engine.forecasts import Alternative, Forecast, WhatIf
from engine.idempotency import Submitted
from engine.keys.key import ApiKey
from engine.keys.ring import Keyring
from engine.logstore import LogLine, LogWish
from engine.model import Attempt, Event, Json, Subtask, Task
from engine.plan.stored import Origin
from engine.secrets.vault import Vault
from engine.settings import Settings
from engine.states import SubtaskStatus, TaskStatus
from engine.statistics import DAY, shown, told
from engine.toolport import Resources, ToolLimits

NOW = 1_795_000_000_123
"""2026-11-18T11:06:40.123Z in milliseconds."""


def a_task(number: int = 1, **changes: Json) -> Task:
    """A task of two subtasks, one of them completed."""
    task = Task(
        id=f"T{number:04d}",
        type="plan",
        name="demo",
        description="",
        user_id="ann",
        tags=("a", "b"),
        priority=5,
        max_parallel=0,
        failure_policy="continue",
        status=TaskStatus.PROCESSING,
        owner="E1",
        created_at=NOW,
        updated_at=NOW,
        started_at=NOW,
        completed_at=None,
        subtasks_count=2,
        counts={"completed": 1, "processing": 1},
        result=None,
        result_hash=None,
        error=None,
    )
    return msgspec.structs.replace(task, **changes)


def a_subtask(key: str, index: int = 0, **changes: Json) -> Subtask:
    """A completed subtask with the output 1."""
    subtask = Subtask(
        id=f"T0001.{index:07d}",
        task_id="T0001",
        key=key,
        type="noop",
        index=index,
        status=SubtaskStatus.COMPLETED,
        spec='{"input":{"n":1}}',
        unmet=0,
        priority=5,
        critical=True,
        generation=index,
        rank=1.0,
        token=1,
        queued_at=NOW,
        started_at=NOW,
        completed_at=NOW + 1500,
        output="1",
        output_hash=None,
        error=None,
        ran_on="E1",
        attempts=1,
    )
    return msgspec.structs.replace(subtask, **changes)


@dataclass
class FakeLogbook:
    """A log that holds what a test has laid down."""

    held: list[LogLine] = field(default_factory=list)

    async def lines(self, wish: LogWish) -> list[LogLine]:
        """All of it, the latest first."""
        return self.held[::-1][: wish.limit]


@dataclass
class KeysInMemory:
    """The keys of the stand-in."""

    keys: list[ApiKey] = field(default_factory=list)

    async def put_key(self, key: ApiKey) -> None:
        """Keeps it."""
        self.keys.append(key)

    async def api_keys(self) -> list[ApiKey]:
        """All of them."""
        return list(self.keys)

    async def revoke_key(self, id_: str, at: int, by: str) -> None:
        """Marks it."""
        revoked = {"revoked_at": at, "revoked_by": by}
        self.keys = [msgspec.structs.replace(key, **revoked) if key.id == id_ else key for key in self.keys]


class NoAgents:
    """Nothing runs at an agent."""

    def agent_of(self, subtask_id: str) -> str:
        """None."""
        return ""


@dataclass
class FakeEngine:
    """Holds values by hand; every body it is given is kept in ``bodies``."""

    settings: Settings = field(default_factory=Settings)
    vault: Vault = field(default_factory=Vault)
    keyring: Keyring = field(default_factory=lambda: Keyring(KeysInMemory(), str, lambda: NOW))
    held_tasks: list[Task] = field(default_factory=list)
    held_subtasks: list[Subtask] = field(default_factory=list)
    held_events: list[Event] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    logbook: FakeLogbook = field(default_factory=FakeLogbook)
    agents: NoAgents = field(default_factory=NoAgents)
    bodies: list[Json] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    applied: bool = True
    """Whether commands are carried out in time."""
    failure: Exception | None = None
    """Raised by whatever is called next."""
    refusal: Exception | None = None
    """Raised by commands alone."""
    reasons: list[str] = field(default_factory=list)
    state: str = "healthy"
    looked_back_to: str | None = None
    wanted: dict[str, Json] = field(default_factory=dict)
    """The conditions of the last list of tasks."""
    foretold: Forecast | None = None
    alternatives: list[Alternative] = field(default_factory=list)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def submit(self, body: Json, *, key: str | None = None, by: str = "") -> Submitted:
        """Keeps the body and the key; says that a key it has seen is repeated."""
        self._fail()
        self.bodies.append(body)
        self.keys.append(key)
        estimate = None if self.foretold is None else encode(self.foretold.prediction)
        return Submitted("T0001", 2, 1, key is not None and self.keys.count(key) > 1, estimate)

    async def preview(self, body: Json) -> dict[str, Json]:
        """Keeps the body."""
        self._fail()
        self.bodies.append(body)
        return {
            "generations": [["a"], ["b"]],
            "critical_path": ["a", "b"],
            "subtasks_count": 2,
            "edges_count": 1,
            "width": 1,
            "origin": Origin("rules", "rules.steps", "simple", ["two steps"]),
            "plan": {"subtasks": []},
            "estimate": None if self.foretold is None else self.foretold.prediction,
        }

    async def templates(self) -> dict[str, Json]:
        """One of each."""
        self._fail()
        parameters = {"city": {"type": "string", "required": True}}
        learned = {"key": "sentence:1", "type": "sentence", "text": "add <number>", "source": "claude"}
        counts = {"successes": 2, "failures": 0, "median_seconds": 1.5, "created_at": NOW, "used_at": NOW}
        shown = {"name": "weather", "description": "of a city", "parameters": parameters, "subtasks": 2}
        return {"templates": [shown], "learned": [learned | counts]}

    async def stats(self, days: int) -> dict[str, Json]:
        """Five attempts of one type."""
        self._fail()
        rows = [
            Trend("noop", NOW // DAY, "completed", 4, 6.0, 2.0, 0.1, 0.2, 4, 10),
            Trend("noop", NOW // DAY, "failed", 1, 3.0, 3.0, 0.1, None, 0, 0),
        ]
        return told(rows, [], NOW, days, None)

    async def estimates(self, type: str | None) -> list[dict[str, Json]]:
        """One kind."""
        self._fail()
        profile = Profile(Kind("noop", "1", 4))
        for seconds in (1.0, 2.0):
            profile.add(Observation(seconds), NOW)
        return [shown(profile)] if type in (None, "noop") else []

    async def task(self, task_id: str) -> Task:
        """One of the held tasks."""
        self._fail()
        for task in self.held_tasks:
            if task.id == task_id:
                return task
        raise NotFound(f"no task has the id {task_id}; GET /tasks lists them")

    async def running_keys(self, task: Task, limit: int) -> list[str]:
        """Those of the held subtasks that run."""
        self._fail()
        running = [subtask.key for subtask in self.held_subtasks if subtask.status is SubtaskStatus.PROCESSING]
        return running[:limit]

    async def offered(self) -> list[dict[str, Json]]:
        """One type of which nothing was learned."""
        self._fail()
        facts: dict[str, Json] = {
            "deterministic": True,
            "idempotent": True,
            "expands": False,
            "literal": [],
            "input_schema": {},
        }
        facts |= {"risk": "read", "untrusted": False, "refuses_tainted": False, "input_schema": {}, "output_schema": {}}
        facts |= {"health": {"ok": True, "detail": "", "suggestion": "", "checked_at": NOW, "next_at": None}}
        facts |= {"rate": None, "breakers": [], "executor": "asyncio"}
        facts |= {"resources": msgspec.to_builtins(Resources()), "limits": msgspec.to_builtins(ToolLimits())}
        return [{"name": "noop", "description": "", "version": "1", "running": 1, "limit": 4, "profile": None} | facts]

    async def reset_tool(self, name: str, endpoint: str = "") -> dict[str, Json]:
        """Keeps which."""
        self.bodies.append({"name": name, "endpoint": endpoint})
        return (await self.offered())[0]

    async def horizon(self, first: str, before: str) -> str | None:
        """The laid-down one."""
        return self.looked_back_to

    async def tasks(self, *, first: str, before: str, limit: int, **wanted: Json) -> list[Task]:
        """Newest first; of the conditions it knows ``status`` only."""
        self._fail()
        self.wanted = wanted
        rows = [task for task in reversed(self.held_tasks) if task.id >= first and (not before or task.id < before)]
        return [task for task in rows if wanted["status"] in (None, task.status)][:limit]

    async def subtasks(self, task_id: str, *, status: str | None, after: str, limit: int) -> list[Subtask]:
        """In plan order."""
        await self.task(task_id)
        return await self.subtasks_of(task_id, status=status, after=after, limit=limit)

    async def subtasks_of(self, task_id: str, *, status: str | None, after: str, limit: int) -> list[Subtask]:
        """The same of a task that has been looked up."""
        rows = [row for row in self.held_subtasks if row.id > after and status in (None, row.status)]
        return rows[:limit]

    async def subtask(self, task_id: str, key: str) -> tuple[Subtask, list[Attempt], list[str], dict[str, Json]]:
        """One of the held subtasks."""
        await self.task(task_id)
        for row in self.held_subtasks:
            if row.key == key:
                return row, self.attempts, ["a"], {"resolved_input": {"n": 2}, "expected": 1.5, "estimate": None}
        raise NotFound(f"task {task_id} has no subtask {key}")

    async def forecast(self, task: Task) -> Forecast | None:
        """What was laid down."""
        return self.foretold

    async def callbacks_of(self, task: Task) -> list[dict[str, Json]]:
        """None."""
        return []

    async def what_if(self, task_id: str, wanted: Alternative) -> WhatIf:
        """Keeps the question; twice as quick."""
        await self.task(task_id)
        self.alternatives.append(wanted)
        assert self.foretold is not None
        now = self.foretold.prediction
        return WhatIf(now, msgspec.structs.replace(now, seconds=now.seconds / 2), -now.seconds / 2)

    async def graph_of(self, task_id: str) -> dict[str, Json]:
        """The held subtasks as a chain."""
        await self.task(task_id)
        rows = self.held_subtasks
        names = ("key", "type", "status", "generation")
        nodes = [{name: getattr(row, name) for name in names} | {"critical_path": True} for row in rows]
        edges = [[before.key, after.key] for before, after in itertools.pairwise(rows)]
        return {
            "seq": len(self.held_events),
            "nodes": nodes,
            "edges": edges,
            "critical_path": [row.key for row in rows],
        }

    async def last_event(self, task_id: str) -> int:
        """The number of the last held event."""
        return len(self.held_events)

    async def events_page(self, task_id: str, after: int, limit: int) -> list[Event]:
        """The held events."""
        await self.task(task_id)
        return [event for event in self.held_events if event.seq > after][:limit]

    async def follow(self, task_id: str, after: int = 0) -> AsyncIterator[Event]:
        """The held events, then the end."""
        for event in await self.events_page(task_id, after, len(self.held_events)):
            yield event

    async def command(self, command: Command) -> Carried:
        """Keeps the command; the task stays as it is."""
        self.commands.append(command)
        if self.refusal is not None:
            raise self.refusal
        return Carried(await self.task(command.task_id), self.applied)

    async def output(self, row: Subtask | Attempt | Task) -> Json:
        """The inline output."""
        text = row.result if isinstance(row, Task) else row.output
        return None if text is None else msgspec.json.decode(text)

    async def health(self) -> dict[str, Json]:
        """The laid-down state."""
        self._fail()
        return {"status": self.state, "graph": {"kind": "embedded"}, "redis": {}, "engine": {"id": "E1"}}

    async def ready(self) -> list[str]:
        """The laid-down reasons."""
        return self.reasons

    def snapshot(self) -> dict[str, Json]:
        """Some levels."""
        return {"ready": 3, "running": 1, "running_by_type": {"noop": 1}, "slots": 10, "open_tasks": 1}
