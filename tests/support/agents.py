"""What tests of agents need: roles, wrappers as real executables, and a store of talks in memory."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from engine.agents.building import agent_of
from engine.agents.roles import AgentCluster, AgentRole, Roles
from engine.agents.tool import Agent
from engine.agentstore import Step, Talked, talked
from engine.language import LanguageModel
from engine.settings import Settings
from engine.tools.registry import ToolRegistry

TALLY = """
import json, sys, time
from pathlib import Path
if sys.argv[1:] == ["--schema"]:
    print(json.dumps({{
        "description": "Counts how often it was called.",
        "input_schema": {{"type": "object", "properties": {{"name": {{"type": "string"}}}}}},
        "idempotent": {idempotent},
    }}))
    sys.exit()
given = json.load(sys.stdin)
with open({log!r}, "a") as log:
    log.write(given["name"] + "\\n")
while given.get("hold") and not Path(given["hold"]).exists():
    time.sleep(0.02)
print(json.dumps({{"counted": given["name"]}}))
"""


def wrapper(folder: Path, name: str, text: str, *, python: str = "/usr/bin/env python3") -> Path:
    """An executable of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!{python}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def tally(folder: Path, log: Path, name: str = "tally", *, idempotent: bool = False) -> Path:
    """A wrapper that writes a line for each call, and waits for a file where it is told to."""
    return wrapper(folder, name, TALLY.format(log=str(log), idempotent=idempotent))


def role(name: str = "helper", *tools: str, **fields: object) -> AgentRole:
    """A role with these tools."""
    known: dict[str, object] = {"cluster": AgentCluster.DEVELOPMENT, "system_prompt": "You help."}
    return AgentRole.model_validate({"name": name, "tools": list(tools)} | known | fields)


class Talks:
    """A store of talks in memory."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.gone = False

    async def put_agent_step(self, step: Step) -> bool:
        """Keeps it."""
        if not self.gone:
            self.steps[step.id] = step
        return not self.gone

    async def agent_usage(self, task_id: str) -> list[Talked]:
        """What each talk has used."""
        return talked([(step.subtask_id, step) for step in self.steps.values() if not step.call])

    async def agent_steps(self, subtask_id: str, talk: str) -> list[Step]:
        """In the order of the turns."""
        found = [step for step in self.steps.values() if (step.subtask_id, step.talk) == (subtask_id, talk)]
        return sorted(found, key=lambda step: (step.turn, step.id))


def agent(
    model: LanguageModel | None, settings: Settings, roles: Sequence[AgentRole], talks: Talks | None = None
) -> Agent:
    """The type ``agent`` with the built-in tools."""
    registry = ToolRegistry.from_settings(settings, model)
    return agent_of(settings, Roles(roles), registry.get, registry.names(), model, talks or Talks())
