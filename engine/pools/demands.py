"""What a call wants of a Ray cluster, and whether a node has it. Pure.

A capability is a resource of a node by that name, of which the call takes one, or a label by that name whose value is
``true``. A processor is taken by each call; memory by those whose tool says how much it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model import Json, Value

MIB = 1024 * 1024


class Node(Value, frozen=True):
    """A node of the cluster that is alive."""

    id: str
    address: str
    resources: Mapping[str, float] = {}
    labels: Mapping[str, str] = {}


class Demand(Value, frozen=True):
    """What a call wants: amounts of resources by name, labels by name."""

    resources: Mapping[str, float] = {}
    labels: Mapping[str, str] = {}

    def fits(self, node: Node) -> bool:
        """Whether a node has all of it, when it does nothing else."""
        return all(node.resources.get(name, 0) >= amount for name, amount in self.resources.items()) and all(
            node.labels.get(name) == value for name, value in self.labels.items()
        )

    def options(self) -> dict[str, Json]:
        """The same as Ray's options of a task."""
        found: dict[str, Json] = {"num_cpus": self.resources.get("CPU", 0)}
        named = {"GPU": "num_gpus", "memory": "memory"}
        found |= {named[name]: amount for name, amount in self.resources.items() if name in named}
        if own := {name: amount for name, amount in self.resources.items() if name not in ("CPU", *named)}:
            found["resources"] = own
        if self.labels:
            found["label_selector"] = dict(self.labels)
        return found


def demand_of(capabilities: Sequence[str], memory_mb: int | None, nodes: Sequence[Node]) -> Demand:
    """What a call wants of these nodes. A capability that none of them has stays a resource that is lacking."""
    resources: dict[str, float] = {"CPU": 1}
    labels: dict[str, str] = {}
    if memory_mb is not None:
        resources["memory"] = memory_mb * MIB
    for name in capabilities:
        labelled = any(node.labels.get(name) == "true" for node in nodes)
        if labelled and not any(name in node.resources for node in nodes):
            labels[name] = "true"
        else:
            resources[name] = 1
    return Demand(resources, labels)


def lacking(demand: Demand, nodes: Sequence[Node]) -> str:
    """Why no node can run it, in words; "" where one can."""
    if any(demand.fits(node) for node in nodes):
        return ""
    if not nodes:
        return "the Ray cluster has no node"
    for name in demand.resources:
        if name == "CPU" and not any(node.resources.get("CPU", 0) >= 1 for node in nodes):
            return "no node of the Ray cluster has a processor to give"
        if name == "memory" and not any(node.resources.get(name, 0) >= demand.resources[name] for node in nodes):
            return f"no node of the Ray cluster has {round(demand.resources[name] / MIB)} MiB of memory"
        if name not in ("CPU", "memory") and not any(name in node.resources for node in nodes):
            return f"no node of the Ray cluster has the resource {name}, or the label {name}=true"
    wanted = [name for name in demand.resources if name != "memory"] + list(demand.labels)
    return f"no single node of the Ray cluster has all of {', '.join(wanted)}"


def processors(nodes: Sequence[Node]) -> int:
    """How many calls the nodes run at the same time, by their processors."""
    return int(sum(node.resources.get("CPU", 0) for node in nodes))
