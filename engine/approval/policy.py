"""When a person has to be asked, as rules of a file: its shape, and what of a subtask each rule looks at. Pure.

A rule holds where all that it names holds; one that names nothing holds for every subtask. The rules are looked at in
the order of the file: the first that holds says who may decide, until when, and what follows when nobody does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from engine.approval.targets import paths_of, recipients_of
from engine.approvalstore import OnExpiry, Reason
from engine.docstrings import described
from engine.model import Json

PLAN, TAINT = "plan", "taint"
"""What asks beside the rules: the plan itself, and a tool that refuses what comes from outside."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=366 * 24 * 3600.0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=described, defer_build=True)


class Deciding(_Strict):
    """Who may decide, and until when."""

    approvers: list[Name] = Field(default_factory=list, max_length=1000)
    """Names of those who may decide; everybody may where there are none."""
    timeout_seconds: Seconds | None = None
    """How long it waits; APPROVAL_TIMEOUT_SECONDS unless given."""
    on_expiry: Literal["reject", "approve", "wait"] = "reject"
    """What follows then: ``wait`` keeps waiting."""


class Rule(Deciding):
    """One rule. Everything that it names has to hold."""

    name: Name
    types: list[Name] | None = Field(None, min_length=1)
    """Types of subtasks; * and ? stand for any text and any letter."""
    risks: list[Literal["read", "write", "dangerous"]] | None = Field(None, min_length=1)
    """What a tool says of itself."""
    cost_above: float | None = Field(None, ge=0)
    """US dollars: it usually costs more, or costs something that is not known."""
    paths_outside: list[str] | None = Field(None, min_length=1)
    """A path in the input lies in none of these folders; relative ones begin at the first of FILE_ROOTS."""
    recipients_outside: list[str] | None = Field(None, min_length=1)
    """A recipient in the input is none of these addresses, and in none of these domains ("@example.org")."""
    tainted: bool | None = None
    """Whether the input holds something that came from outside."""


class Policy(Deciding):
    """The file. What stands beside ``rules`` holds for what the plan and the taint ask."""

    tainted_files: list[str] = Field(default_factory=list, max_length=1000)
    """Folders in which write_file may put what came from outside without a question."""
    rules: list[Rule] = Field(default_factory=list, max_length=1000)

    def of(self, rule: str) -> Deciding:
        """Who decides on what a rule, the plan or the taint asks."""
        return next((found for found in self.rules if found.name == rule), self)


class Facts(NamedTuple):
    """What a rule looks at. ``cost`` is in US dollars, 0 for nothing and None where it is not known."""

    type: str
    input: Json
    risk: str
    tainted: bool
    cost: float | None
    resolve: Callable[[str], str]
    """A path as it really is: absolute, without links."""


def broken_by(rules: Sequence[Rule], facts: Facts) -> list[Reason]:
    """The rules that ask for a person, in their order."""
    found = [(rule, _holds(rule, facts)) for rule in rules]
    return [Reason(rule.name, f"rule {rule.name!r}: {words}") for rule, words in found if words is not None]


def _holds(rule: Rule, facts: Facts) -> str | None:
    """Why a rule holds, in words; None when it does not."""
    said: list[str] = []
    for check in (_types, _risks, _cost, _paths, _recipients, _tainted):
        words = check(rule, facts)
        if words is None:
            return None
        said += [words] if words else []
    return ", ".join(said) or "everything asks"


def _types(rule: Rule, facts: Facts) -> str | None:
    if rule.types is None:
        return ""
    return f"type {facts.type}" if any(fnmatchcase(facts.type, pattern) for pattern in rule.types) else None


def _risks(rule: Rule, facts: Facts) -> str | None:
    if rule.risks is None:
        return ""
    return f"risk {facts.risk}" if facts.risk in rule.risks else None


def _cost(rule: Rule, facts: Facts) -> str | None:
    if rule.cost_above is None:
        return ""
    if facts.cost is None:
        return "what it costs is not known"
    return f"it usually costs {facts.cost:.4g} US dollars" if facts.cost > rule.cost_above else None


def _paths(rule: Rule, facts: Facts) -> str | None:
    if rule.paths_outside is None:
        return ""
    folders = [facts.resolve(folder) for folder in rule.paths_outside]
    for path in paths_of(facts.input):
        real = facts.resolve(path)
        if not any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in folders):
            return f"the path {path!r} lies outside"
    return None


def _recipients(rule: Rule, facts: Facts) -> str | None:
    if rule.recipients_outside is None:
        return ""
    allowed = [entry.casefold() for entry in rule.recipients_outside]
    for recipient in recipients_of(facts.input):
        address = recipient.casefold()
        if address not in allowed and not any(entry[:1] == "@" and address.endswith(entry) for entry in allowed):
            return f"the recipient {recipient!r} is not on the list"
    return None


def _tainted(rule: Rule, facts: Facts) -> str | None:
    if rule.tainted is None:
        return ""
    if rule.tainted is not facts.tainted:
        return None
    return "its input holds what came from outside" if facts.tainted else "its input holds nothing from outside"


def expiry(deciding: Deciding, default_seconds: float | None, now: int) -> tuple[int | None, OnExpiry]:
    """When a request that is made now expires (milliseconds, None for never), and what follows then."""
    seconds = deciding.timeout_seconds if deciding.timeout_seconds is not None else default_seconds
    return (None if seconds is None else now + round(1000 * seconds)), deciding.on_expiry
