"""The rules of one file, checked against the tools that there are. Pure: whoever reads the file is in ``file.py``.

A file is taken as a whole or not at all, and every fault is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec
from pydantic import ValidationError

from engine import conditions
from engine.errors import Fault, InvalidInput
from engine.model import Json, Value
from engine.plan.faults import Faults
from engine.plan.nearest import Nearest
from engine.remoteport import AGENT
from engine.routing.schema import CandidateFields, OptionFields, RouterFields, RuleFields, Strategy

NEVER_AWAY = frozenset({"agent", "planning", "subplan"})
"""Types that do not go to agents over HTTP."""
_AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_SIGNS = frozenset("*?[")


class Option(Value, frozen=True, omit_defaults=True, dict=True):
    """A tool that may run a subtask; ``parameters`` go over the input, and an agent that has all that it ``requires``
    runs it (``agent:ID`` is what only that one has); where it requires nothing, whoever would run it anyway.
    """

    tool: str
    parameters: Mapping[str, Json] = {}
    requires: tuple[str, ...] = ()

    @cached_property
    def label(self) -> str:
        """How it is told apart: by its tool, by what that is given, and by where it runs."""
        given = f" {msgspec.json.encode(self.parameters).decode()}" if self.parameters else ""
        return f"{self.tool}{given}{self.place}"

    @property
    def place(self) -> str:
        """Where it runs, in words; "" where it says nothing of that."""
        named = "".join(one for one in self.requires if one.startswith(AGENT))
        if named:
            return f" at {named.removeprefix(AGENT)}"
        return f" at an agent with {' and '.join(self.requires)}" if self.requires else ""

    def value(self, value: Json) -> Json:
        """The input that it gets; an input that is no object has no fields to replace."""
        return {**value, **self.parameters} if self.parameters and isinstance(value, dict) else value


class Candidate(Value, frozen=True):
    """A tool that may be chosen, and what takes over for it, in this order."""

    option: Option
    fallback: tuple[Option, ...] = ()


class Rule(Value, frozen=True):
    """One rule. ``types`` and ``capabilities`` are alternatives, empty for any; ``tags`` must all be there."""

    name: str
    types: tuple[str, ...]
    tags: frozenset[str]
    capabilities: frozenset[str]
    predicate: str
    strategy: Strategy
    candidates: tuple[Candidate, ...]
    exploration: float
    seconds_per_dollar: float

    def may_match(self, type_: str) -> bool:
        """Whether it is for subtasks of a type at all."""
        return not self.types or type_ in self.types or any(fnmatchcase(type_, wanted) for wanted in self.types)

    @property
    def always(self) -> bool:
        """Whether it is for every subtask of its types, whatever is in it."""
        return not (self.tags or self.capabilities or self.predicate)

    @property
    def options(self) -> list[Option]:
        """Every tool that it may lead to."""
        return [option for candidate in self.candidates for option in (candidate.option, *candidate.fallback)]


class Rules(msgspec.Struct):
    """All rules of one file, in order. What they say of a type is remembered: few rules concern any one type."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    _by_type: dict[str, tuple[Rule, ...]] = {}

    def of(self, type_: str) -> tuple[Rule, ...]:
        """The rules that may match subtasks of a type."""
        found = self._by_type.get(type_)
        if found is None:
            found = self._by_type[type_] = tuple(rule for rule in self.rules if rule.may_match(type_))
        return found

    @property
    def capabilities(self) -> frozenset[str]:
        """What the rules have tools for."""
        return frozenset().union(*(rule.capabilities for rule in self.rules))


def read_rules(document: Json, tools: Collection[str]) -> Rules:
    """The rules in a file's document.

    Args:
        document: the JSON value of the file.
        tools: the names of those that there are.

    Raises:
        InvalidInput: with every fault of shape; when there is none, with every other one.
    """
    faults = Faults()
    try:
        given = RouterFields.model_validate(document)
    except ValidationError as error:
        fields = [field.alias or name for name, field in RouterFields.model_fields.items()]
        faults.add_shape("", document, error, fields)
        faults.raise_any()
        raise
    known, hint = frozenset(tools), Nearest(sorted(tools))
    for number, rule in enumerate(given.rules):
        for pointer, detail in _rule_faults(rule, known, hint):
            faults.add(f"/rules/{number}{pointer}", detail)
    for number, detail in _order_faults(given.rules):
        faults.add(f"/rules/{number}", detail)
    faults.raise_any()
    return Rules(tuple(map(_rule, given.rules)), given.seed)


def told(refused: InvalidInput) -> list[str]:
    """The faults of a file as lines for people."""
    return [f"{fault.pointer or '/'}: {fault.detail}" for fault in refused.faults]


def no_json(why: str) -> InvalidInput:
    """A file that is no JSON."""
    return InvalidInput([Fault("", f"is no JSON: {why}")])


# --- what is wrong --------------------------------------------------------------------------------------------------


def _rule_faults(rule: RuleFields, known: frozenset[str], hint: Nearest) -> Iterator[tuple[str, str]]:
    for wanted in _listed(rule.match.type):
        if not _SIGNS & set(wanted) and wanted not in known:
            yield "/match/type", f'there is no subtask type "{wanted}"{hint.hint(wanted)}'
    if rule.match.input is not None:
        try:
            conditions.check(rule.match.input)
        except conditions.NotReadable as error:
            yield "/match/input", f"is no CEL expression: {error}"
    for number, given in enumerate(rule.candidates):
        place = f"/candidates/{number}"
        own = _own(rule)
        yield from _option_faults(given, place, own, known, hint)
        seen = [_option(given, own)]
        for step, other in enumerate([] if isinstance(given, str) else given.fallback):
            yield from _option_faults(other, f"{place}/fallback/{step}", own, known, hint)
            option = _option(other, own)
            if option in seen:
                way = " -> ".join(one.tool + one.place for one in [*seen[seen.index(option) :], option])
                yield f"{place}/fallback/{step}", f"leads in a circle: {way}; name each tool once"
            seen.append(option)


def _option_faults(
    given: str | OptionFields, place: str, own: str, known: frozenset[str], hint: Nearest
) -> Iterator[tuple[str, str]]:
    """What is wrong with one option of a rule; ``own`` is the type that runs where it names no tool."""
    fields, whole = _fields(given), isinstance(given, str)
    away = fields.agent is not None or bool(fields.capabilities)
    if fields.agent is not None and not _AGENT_ID.fullmatch(fields.agent):
        yield (place if whole else f"{place}/agent"), "should be the id of an agent: letters, digits, _ . and -"
        return
    if fields.agent is not None and fields.capabilities:
        yield f"{place}/capabilities", "should be left out where an agent is named: it is that one in any case"
    tool = fields.tool or (own if away else "")
    if not tool:
        many = ", because the rule is for more than one type" if away else ""
        yield place, f"should have a tool{many}"
    elif fields.tool and tool not in known:
        yield (place if whole else f"{place}/tool"), f'there is no tool "{tool}"{hint.hint(tool)}'
    elif away and tool in NEVER_AWAY:
        yield place, f"the type {tool} does not go to agents: what it does is kept in the graph step by step"


def _order_faults(rules: Sequence[RuleFields]) -> Iterator[tuple[int, str]]:
    """Names that are given twice, and rules that come after one which leaves them nothing."""
    first: dict[str, int] = {}
    all_: str | None = None
    for number, rule in enumerate(rules):
        if rule.name in first:
            yield number, f'the rule {first[rule.name]} is called "{rule.name}" too; give one another name'
        first.setdefault(rule.name, number)
        if all_ is not None:
            yield number, f'never matches, because "{all_}" before it matches everything; move that one to the end'
        elif not rule.match.model_dump(exclude_defaults=True):
            all_ = rule.name


# --- what it says ---------------------------------------------------------------------------------------------------


def _rule(given: RuleFields) -> Rule:
    return Rule(
        name=given.name,
        types=tuple(_listed(given.match.type)),
        tags=frozenset(given.match.tags),
        capabilities=frozenset(_listed(given.match.capability)),
        predicate=given.match.input or "",
        strategy=given.strategy,
        candidates=tuple(_candidate(one, _own(given)) for one in given.candidates),
        exploration=given.exploration,
        seconds_per_dollar=given.seconds_per_dollar,
    )


def _candidate(given: str | CandidateFields, own: str) -> Candidate:
    fallback = () if isinstance(given, str) else tuple(_option(one, own) for one in given.fallback)
    return Candidate(_option(given, own), fallback)


def _option(given: str | OptionFields, own: str) -> Option:
    fields = _fields(given)
    requires = (AGENT + fields.agent,) if fields.agent else tuple(dict.fromkeys(fields.capabilities))
    return Option(fields.tool or own, dict(fields.parameters), requires)


def _fields(given: str | OptionFields) -> OptionFields:
    """An option that is only a name, as one with fields."""
    if not isinstance(given, str):
        return given
    if given.startswith(AGENT):
        return OptionFields.model_construct(agent=given.removeprefix(AGENT))
    return OptionFields.model_construct(tool=given)


def _own(rule: RuleFields) -> str:
    """The one type that a rule is for; "" where it may be for others too."""
    types = _listed(rule.match.type)
    return types[0] if len(types) == 1 and not _SIGNS & set(types[0]) else ""


def _listed(given: str | list[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else given
