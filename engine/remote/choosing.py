"""Which agent gets a subtask. Pure: what is known of each is handed in.

Only an agent that has every capability and a free slot is looked at. Of these the one with the lowest cost is taken:
the time that it is expected to take for this type, as a share of what all of them take, more the fuller it is, less
where it has worked for the same task before. Equals are told apart by what they could do beside, so that whoever can
do much is kept for what few can do, and then by who has waited longest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.model import Value
from engine.remoteport import AGENT

UNTRIED = 0.9
"""Cost of an agent that has not run this type yet: a little less than usual, so that it becomes known."""
FULLNESS = 0.5
"""By how much an agent costs more whose slots are all taken but one of very many."""
KNOWN = 0.8
"""What an agent costs that has worked for the task: what the task needs may lie there."""


class Fitness(Value, frozen=True):
    """What counts of one agent: ``free`` of its ``slots``, the usual ``seconds`` of this type there (None where it has
    not run it yet), whether it is ``known`` to the task, and when it last got something (``used``, monotonic seconds).
    """

    agent_id: str
    capabilities: frozenset[str]
    free: int
    slots: int
    seconds: float | None = None
    known: bool = False
    used: float = 0.0


def fits(capabilities: Collection[str], required: Collection[str]) -> bool:
    """Whether somebody with these capabilities can do what requires those."""
    return set(required) <= set(capabilities)


def choose(required: Collection[str], agents: Sequence[Fitness]) -> str | None:
    """The id of the agent that is to have it; None where none of them can take it now."""
    wanted = frozenset(required)
    able = [agent for agent in agents if agent.free > 0 and wanted <= agent.capabilities]
    times = [agent.seconds for agent in able if agent.seconds is not None]
    usual = sum(times) / len(times) if times else 0.0
    chosen = min(able, key=lambda agent: _order(agent, usual), default=None)
    return None if chosen is None else chosen.agent_id


def _order(agent: Fitness, usual: float) -> tuple[float, int, float, str]:
    return round(cost(agent, usual), 2), len(agent.capabilities), agent.used, agent.agent_id


def cost(agent: Fitness, usual: float) -> float:
    """What it costs to take an agent; 1 is usual. ``usual`` is what those that are known take, in seconds."""
    speed = UNTRIED if agent.seconds is None else agent.seconds / usual if usual > 0 else 1.0
    fullness = 1.0 + FULLNESS * (agent.slots - agent.free) / agent.slots
    return speed * fullness * (KNOWN if agent.known else 1.0)


def lacking(required: Collection[str], agents: Sequence[Fitness]) -> str:
    """Why nobody can ever take it among those that there are, in words; "" where somebody could, busy or not."""
    if any(fits(agent.capabilities, required) for agent in agents):
        return ""
    if not agents:
        return "there are no agents"
    for name in sorted(required):
        if name.startswith(AGENT):
            found = next((agent for agent in agents if name in agent.capabilities), None)
            if found is None:
                return f"there is no agent {name.removeprefix(AGENT)}"
            lacks = " and ".join(sorted(set(required) - found.capabilities))
            return f"the agent {found.agent_id} has no {lacks}"
    there = frozenset().union(*(agent.capabilities for agent in agents))
    missing = sorted(set(required) - there)
    if missing:
        return f"none has the capability {' or '.join(missing)}"
    return f"none has all of {', '.join(sorted(required))}"


def busy(required: Collection[str], agents: Sequence[Fitness]) -> str:
    """Why nobody can take it now, in words, where somebody could."""
    able = [agent for agent in agents if fits(agent.capabilities, required)]
    if any(name.startswith(AGENT) for name in required):
        return f"the agent {able[0].agent_id} is busy" if able else "its agent is gone"
    what = ", ".join(sorted(required))
    return f"the only agent with {what} is busy" if len(able) == 1 else f"all {len(able)} agents with {what} are busy"
