"""The file of rules (ROUTER_CONFIG) as models: its shape, and the limits of each field. Its JSON Schema is theirs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.docstrings import described
from engine.model import Json
from engine.plan.schema import Capability

Name = Annotated[str, Field(min_length=1, max_length=200)]
Strategy = Literal["fixed", "round_robin", "auto"]


class Strict(BaseModel):
    """Base of every model here."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, json_schema_extra=described, defer_build=True
    )


class OptionFields(Strict):
    """A tool that may run the subtask, and where."""

    tool: Name | None = None
    """Its name, which is that of a subtask type. With ``agent`` or ``capabilities`` it may be left out where the rule
    is for one type: that one.
    """
    agent: Name | None = None
    """The id of the agent that runs it; written as text, the whole candidate is ``agent:ID``."""
    capabilities: list[Capability] = Field(default_factory=list, max_length=20)
    """An agent that has all of these runs it, beside what the subtask itself requires."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Fields of the input that are different for this tool: they are put over the input of the subtask."""


class CandidateFields(OptionFields):
    """A tool that may be chosen, and what takes over for it."""

    fallback: list[Name | OptionFields] = Field(default_factory=list, max_length=20)
    """What runs when the attempts of the one before are used up, or when it is not available; in this order."""


class MatchFields(Strict):
    """Which subtasks a rule is for: all that is given must hold."""

    type: Name | list[Name] | None = None
    """Their type; several are alternatives, and * stands for any letters."""
    tags: list[Name] = Field(default_factory=list)
    """Tags of their task, all of them."""
    capability: Name | list[Name] | None = None
    """What they list in ``required_capabilities``; several are alternatives."""
    input: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    """A condition in CEL over ``input`` (the subtask's, resolved), ``task`` (id, name, tags, input), ``type``, ``key``.
    One that cannot be evaluated does not hold.
    """


class RuleFields(Strict):
    """A rule: for which subtasks, by which tools, chosen how."""

    name: Name
    """How reasons call it; unique in the file."""
    match: MatchFields = MatchFields()
    strategy: Strategy = "fixed"
    """``fixed``: the first that is available. ``round_robin``: one after the other. ``auto``: the one that is expected
    to be done first.
    """
    candidates: list[Name | CandidateFields] = Field(min_length=1, max_length=50)
    """The tools to choose from: names, ``agent:ID``, or with more about each."""
    exploration: float = Field(0.05, ge=0, le=1)
    """With ``auto``: the share of choices that try another tool, so that what has changed is noticed."""
    seconds_per_dollar: float = Field(60.0, ge=0, le=1e9)
    """With ``auto``: how much later one tool may be than another that costs a US dollar more."""


class RouterFields(Strict):
    """Which tool runs which subtask. The first rule that matches decides; without one a subtask's type runs it."""

    schema_: Json = Field(default=None, alias="$schema")
    """Where the JSON Schema of this file is, for editors."""
    seed: int = 0
    """Begins the chance of ``auto``: the same seed, subtask and attempt choose alike."""
    rules: list[RuleFields] = Field(max_length=1_000)
    """In the order in which they are looked at."""


def file_schema() -> dict[str, Json]:
    """The JSON Schema of the file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RouterFields.model_json_schema()}
