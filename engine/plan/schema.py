"""The body of ``POST /tasks`` as models: the shape and the limits of each field, nothing about the graph.

Strict: a truth value is no number, a number is no text, and an unknown field is refused. What the contract names but
this engine does not do yet is in the models too, so that it is known and documented; ``unsupported`` refuses it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic import ValidationError as ShapeError
from pydantic_core import PydanticCustomError

from engine import conditions
from engine.docstrings import described
from engine.errors import Category
from engine.model import Json
from engine.plan.happenings import ALL, FINAL_NAMES, NAMES
from engine.plan.nearest import Nearest
from engine.rates import parse_rate

KEY_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,199}$"
"""What a subtask's key looks like."""
CAPABILITY_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,99}$"
"""What a capability of an agent looks like."""
LONGEST_SECONDS = 366 * 24 * 3600.0
"""Longest time limit, seconds; beyond it milliseconds would soon not fit where they are stored."""

CONDITIONS = ("all_succeeded", "all_settled", "any_succeeded", "any_failed")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("printable", "should not contain control characters or line breaks")
    return text


def _run_if(value: Json, handler: ValidatorFunctionWrapHandler) -> Json:
    """One clear fault instead of one for each branch of the union."""
    try:
        return handler(value)
    except ShapeError:
        hint = Nearest(CONDITIONS).hint(value) if isinstance(value, str) else ""
        names = ", ".join(f'"{name}"' for name in CONDITIONS)
        raise PydanticCustomError("run_if", f'should be {names} or {{"expression": "..."}}{hint}') from None


def _receiver(url: str) -> str:
    """A whole http or https address that holds no user."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or not url.isprintable() or " " in url:
        raise PydanticCustomError("receiver", "should be a URL such as https://host/path")
    if "@" in parts.netloc or parts.fragment:
        raise PydanticCustomError(
            "receiver", "should have no user, password or fragment; what is sent is signed instead"
        )
    return url


def _happening(name: str) -> str:
    if name != ALL and name not in NAMES:
        text = f"should be {ALL} or one of {', '.join(NAMES)}{Nearest(NAMES).hint(name)}"
        raise PydanticCustomError("happening", "{text}", {"text": text})
    return name


def _limit_key(key: str) -> str:
    try:
        conditions.check_text(key)
    except conditions.NotReadable as error:
        raise PydanticCustomError("limit_key", "{text}", {"text": f"holds no CEL expression: {error}"}) from None
    return key


def _rate(text: str) -> str:
    try:
        parse_rate(text)
    except ValueError as error:
        raise PydanticCustomError("rate", "{text}", {"text": str(error)}) from None
    return text


class Strict(BaseModel):
    """Base of every model here."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra=described, defer_build=True
    )


Seconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS)]
Delay = Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]
Priority = Annotated[int, Field(ge=0, le=10)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Capability = Annotated[str, Field(pattern=CAPABILITY_PATTERN)]


class Timeouts(Strict):
    """Limits in time of one subtask, seconds."""

    queue_seconds: Seconds | None = None
    """From ready to started."""
    attempt_seconds: Seconds | None = None
    """One attempt; the same as ``timeout_seconds``."""
    idle_seconds: Seconds | None = None
    """Without a sign of life."""
    total_seconds: Seconds | None = None
    """From ready to settled, all attempts together."""


class Retry(Strict):
    """When and how often a failed attempt is repeated."""

    max_attempts: int = Field(3, ge=1, le=1000)
    """Attempts in all, the first one included."""
    backoff_seconds: Delay | None = None
    """Wait before the first repeat; it doubles from there."""
    max_backoff_seconds: Delay | None = None
    """Longest wait between two attempts."""
    jitter: bool = True
    """Spread the waits at random."""
    on: list[Annotated[Category, Field(strict=False)]] | None = None
    """Categories that are repeated; every one but cancelled unless given."""


class Expression(Strict):
    """A condition in CEL."""

    expression: str = Field(min_length=1, max_length=10_000)


RunIf = Annotated[
    Literal["all_succeeded", "all_settled", "any_succeeded", "any_failed"] | Expression, WrapValidator(_run_if)
]


class Fallback(Strict):
    """What runs instead when the attempts are used up."""

    type: Name
    input: Any = Field(default_factory=dict)


class CachePolicy(Strict):
    """How long an output is used again, whatever the type says of itself."""

    ttl_seconds: Seconds


class SharedLimit(Strict):
    """How often, or how many at a time, something may be done by all subtasks that give the same key."""

    key: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_limit_key)]
    """What is limited, such as "account {{input.account}}": in double braces expressions in CEL, which see the task's
    ``input``, the subtask's own resolved input as ``value``, its ``item``, its ``type`` and the task's ``user``."""
    rate: Annotated[str, AfterValidator(_rate)] | None = None
    """Such as "10/minute"; second, minute, hour or day."""
    concurrency: int | None = Field(None, ge=1, le=100_000)
    """How many may run at the same time."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.rate is None and self.concurrency is None:
            raise PydanticCustomError("limit", "should have a rate, a concurrency, or both")
        return self


class MapPolicy(Strict):
    """One subtask per item of a list that is known only at run time."""

    over: Any
    """A string that is one reference to a list, or a list."""
    limit: int = Field(10_000, ge=1, le=1_000_000)
    """A longer list fails the subtask."""
    batch: int = Field(1, ge=1, le=1_000_000)
    """Items per subtask."""


class SubtaskSpec(Strict):
    """One subtask of an explicit plan."""

    key: str = Field(pattern=KEY_PATTERN)
    """Its name, unique in the plan."""
    type: Name
    """Which tool runs it."""
    input: Any = Field(default_factory=dict)
    """Any JSON; may hold references such as {{subtasks.KEY.output.path}}."""
    dependencies: list[str] = Field(default_factory=list)
    """Keys of subtasks that must be done first."""
    priority: Priority = 5
    """Order inside the task, 10 first."""
    critical: bool = True
    """Whether the task fails when this fails."""
    optional: bool = False
    """Skipped, not blocked, when what it needs did not succeed, and then a success with output null; never critical."""
    timeout_seconds: Seconds | None = None
    """Longest single attempt; the engine's TASK_TIMEOUT_SECONDS unless given."""
    timeouts: Timeouts | None = None
    retry: Retry | None = None
    run_if: RunIf = "all_succeeded"
    fallback: Fallback | None = None
    on_interrupt: Literal["retry", "fail", "ask"] | None = None
    """What happens to an attempt that a crash cut off; the tool decides unless given."""
    required_capabilities: list[Capability] = Field(default_factory=list, max_length=20)
    """An agent that has all of these runs it; it waits until one is free. Empty: the engine runs it."""
    requires_approval: bool = False
    """A person has to approve its resolved input before it runs; of a mapped one, that of each item."""
    cache: CachePolicy | Literal[False] | None = None
    """false: its output is neither reused nor used again; else for how long it is. The type decides unless given."""
    limits: list[SharedLimit] = Field(default_factory=list, max_length=10)
    """Limits that it shares with other subtasks, of any task; what is above them waits."""
    map: MapPolicy | None = None


class Callback(Strict):
    """Who is told what happens to a task, by a signed POST of a CloudEvent."""

    url: Annotated[str, Field(max_length=2_000), AfterValidator(_receiver)]
    """Where to: http or https; a private address only where HTTP_ALLOW_PRIVATE lets it through."""
    events: list[Annotated[str, AfterValidator(_happening)]] = Field(list(FINAL_NAMES), min_length=1, max_length=50)
    """Of what: names such as "subtask.failed", or "*" for everything; the end of the task unless given."""


class AgentBudget(Strict):
    """What all agents of a task may use together, over all attempts."""

    tokens: int | None = Field(None, ge=1, le=1_000_000_000)
    """Tokens of questions and answers, cached ones included."""
    cost: float | None = Field(None, gt=0, le=1_000_000)
    """US dollars by CLAUDE_PRICES."""


class Reports(Strict):
    """When reports of a task are made while it runs; one is made before its end as well."""

    every_seconds: float | None = Field(None, ge=1, le=86_400)
    """On a schedule: every so many seconds; null for none."""
    milestones: list[Annotated[int, Field(ge=1, le=99)]] = Field(default_factory=lambda: [25, 50, 75], max_length=20)
    """When so many of a hundred subtasks are settled, once each."""
    first_failure: bool = True
    """When the first subtask has failed."""


class PlanForm(Strict):
    """An explicit plan."""

    subtasks: list[SubtaskSpec]


class TaskRequest(Strict):
    """The body of ``POST /tasks``: exactly one of ``description``, ``type``, ``template`` and
    ``plan``, plus the common fields.
    """

    description: str | None = Field(None, min_length=10, max_length=5000)
    """What is wanted, in a sentence."""
    type: Name | None = None
    """What is wanted, as a task type with ``input`` and ``parameters``."""
    input: Any = None
    """The task's input; {{input.path}} reaches it."""
    parameters: dict[str, Any] | None = None
    """Parameters of a typed task, or of a template."""
    template: Name | None = None
    """What is wanted, as the name of a plan template with ``parameters``."""
    learned: bool = True
    """Whether a plan that has worked before may be used, and this one learned."""
    allowed_types: list[Name] | None = Field(None, min_length=1, max_length=1_000)
    """The subtask types that a model may plan with; unless given, all that run no code of its own."""
    plan: PlanForm | None = None
    """What is wanted, subtask by subtask."""
    user_id: Text = ""
    name: Text = ""
    tags: list[Name] = Field(default_factory=list, max_length=100)
    priority: Priority = 5
    """Its share of the slots, 10 most."""
    failure_policy: Literal["continue", "fail_fast"] = "continue"
    on_failure: Literal["keep", "rollback"] = "keep"
    """rollback: when the task ends failed or cancelled, the files that its file tools changed become what they were."""
    deadline_seconds: Seconds | None = None
    max_parallel: int = Field(0, ge=0, le=1_000_000)
    """Subtasks of this task that run at the same time; 0 for no limit of its own."""
    cache: bool = True
    """Whether outputs of earlier tasks may stand in for those of this one, and its own for those of later ones."""
    agent_budget: AgentBudget | None = None
    """What all its agents may use together; an agent that would pass it ends, and its work is kept."""
    callbacks: list[Callback] = Field(default_factory=list, max_length=10)
    """Who is told what happens to it."""
    reports: Reports | None = None
    """When reports are made while it runs; null for none."""
    aggregate: str | None = Field(None, min_length=1, max_length=10_000)
    """How the result is made of the outputs of the subtasks on which nothing depends: by key unless given; "merge"
    (objects), "concat" (lists or texts), "first" (in plan order), or one reference such as {{subtasks.KEY.output}}.
    """

    @classmethod
    def envelope(cls, body: dict[str, Any]) -> Self:
        """The fields around the subtasks, which are validated one by one so that each fault finds its place."""
        plan = body.get("plan")
        if isinstance(plan, dict) and isinstance(plan.get("subtasks"), list):
            body = {**body, "plan": {**plan, "subtasks": []}}
        return cls.model_validate(body)
