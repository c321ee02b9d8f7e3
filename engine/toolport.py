"""The one interface of every tool, built in or made by ``@tool``: what it does, what it says of itself.

The facts are declared and not found out: whoever routes, limits, asks for approval or follows taint decides by them
alone, before anything runs. ``Declared`` has a default for each, the one that claims the least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol

from engine.errors import Category, EngineError, ToolError
from engine.model import Json, Value

Risk = Literal["read", "write", "dangerous"]
"""What it can do to the world: only look, change something of its own kind, or anything at all."""

ExecutorName = Literal["asyncio", "threads", "processes", "ray"]
"""Where calls are carried out: in the engine's event loop (what is not async in a thread), each in a thread with a loop
of its own, in worker processes, in a Ray cluster.
"""


class ToolHealth(Value, frozen=True):
    """Whether a tool can do its work now. ``detail`` says what was found, ``suggestion`` what to do about it."""

    ok: bool = True
    detail: str = ""
    suggestion: str = ""


class Resources(Value, frozen=True):
    """The most that one run takes unless its subtask says otherwise; None where the tool sets no bound."""

    memory_mb: int | None = None
    """MiB of one process."""
    cpu_seconds: float | None = None
    """Processor time of one process."""
    output_bytes: int | None = None
    """Bytes of output."""


class ToolLimits(Value, frozen=True):
    """How hard a tool may be driven where neither the subtask nor a setting says otherwise; None for no bound."""

    parallel: int | None = None
    """Attempts at once in one engine; TYPE_LIMITS goes before it."""
    per_minute: float | None = None
    """Attempts that begin in a minute."""
    attempt_seconds: float | None = None
    """Longest attempt; TASK_TIMEOUT_SECONDS where None."""
    idle_seconds: float | None = None
    """Longest time without a sign of life."""


class Facts(Value, frozen=True):
    """What the author of a function says of it as a tool; see ``Tool`` for what each means.

    Without a word on ``breaker`` it has one if it has an ``endpoint``: a function that calls nothing is not away for a
    while, it is wrong.
    """

    version: str = "1"
    deterministic: bool = False
    idempotent: bool = False
    risk: Risk = "write"
    untrusted: bool = False
    refuses_tainted: bool = False
    resources: Resources = Resources()
    limits: ToolLimits = ToolLimits()
    environment: Mapping[str, str] = {}
    endpoint: str | Callable[[Json], str] = ""
    breaker: bool | None = None
    estimate: Callable[[Json], float | None] | None = None
    classify: Callable[[Exception], Category | str | None] | None = None
    executor: ExecutorName | None = None

    @property
    def breaks(self) -> bool:
        """Whether it has a breaker."""
        return bool(self.endpoint) if self.breaker is None else self.breaker


class RunContext(Protocol):
    """What a running tool may use. Handed to every call."""

    task_id: str
    subtask_id: str
    key: str
    token: int
    deadline: float
    """Monotonic seconds after which the attempt is stopped."""

    approved: bool
    """Whether a person has approved this subtask with this very input."""
    reduction: int
    """How often the attempt before ran out of resources: the limits of this one are halved so many times."""

    def log(self, level: str, message: str, **fields: Json) -> None:
        """Writes a log line that names task and subtask. It is kept with them for LOG_KEEP_DAYS."""

    def covered(self, text: str, /) -> str:
        """The text with every known secret covered: for what leaves the tool by another way than its output."""

    def progress(self) -> None:
        """A sign of life: the time limit without one (``idle_seconds``) begins anew."""

    def measured(self, memory_bytes: int, cpu_seconds: float, /) -> None:
        """A process of the tool has ended, with its descendants: the most that one of them held, and the processor
        time of all. It is noted on the attempt, and learned.
        """

    def limited(self, seconds: float, /) -> None:
        """What the tool talks to wants to be left alone for so many seconds: others that would call it wait."""


class Tool(Protocol):
    """What a subtask calls. One instance per type; ``run`` is called many times at once."""

    name: str
    version: str
    deterministic: bool
    """Equal input gives equal output: may be cached."""
    idempotent: bool
    """Running it twice does no more than running it once: may be repeated after a crash."""
    literal: frozenset[str]
    """Input fields in which references are never resolved."""
    grows: bool
    """It may return ``Expand``: a repeat has to ask what an earlier attempt has grown."""
    risk: Risk
    """What it can do at worst; ``risk_of`` knows it for one input."""
    untrusted: bool
    """Its output may come from outside (the web, mail, a model); ``taints`` knows it for one input."""
    refuses_tainted: bool
    """Untrusted input must not reach it unless a person has looked."""
    resources: Resources
    """What one run takes at most."""
    limits: ToolLimits
    """How hard it may be driven."""
    breaker: bool
    """What it calls may be broken for a while: then nobody calls it, but for one that looks whether it works again."""
    executor: ExecutorName | None
    """Where it wants to be carried out; TYPE_EXECUTORS goes before it, and EXECUTOR says it where this is None."""
    origin: str
    """Where another process finds it, as ``package.module:name``; "" where none can."""

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input."""

    def output_schema(self) -> dict[str, Json]:
        """JSON Schema of the output; empty where it may be any JSON value."""

    def check(self, value: Json) -> list[tuple[tuple[str | int, ...], str]]:
        """Validates an input: its faults as (path, message), none when it is good. Pure and quick."""

    async def run(self, value: Json, context: RunContext) -> Json:
        """Executes: does the work on a checked input and returns any JSON value; raises ``ToolError``."""

    def repeatable(self, value: Json) -> bool:
        """Whether running this input twice does no more than running it once."""

    def cacheable(self, value: Json) -> bool:
        """Whether this input gives the same output again, as long as its ``environment`` is the same. Quick."""

    def environment(self, value: Json) -> Mapping[str, str]:
        """What else the output depends on, by name: the version of a library, size and time of a file. Quick."""

    def risk_of(self, value: Json) -> Risk:
        """What running this input can do; never more than ``risk``. Quick."""

    def taints(self, value: Json) -> bool:
        """Whether the output for this input comes from outside. Quick."""

    def endpoint(self, value: Json) -> str:
        """The host, with a port that is not the usual one, which this input makes it talk to; "" for none. Quick."""

    def estimate_duration(self, value: Json) -> float | None:
        """Seconds that this input will take, where the tool knows better than what was learned; None where not."""

    def classify(self, error: Exception) -> Category | None:
        """The category of an exception that is no ``ToolError``; None leaves it to the engine, which says logic."""

    async def health_check(self) -> ToolHealth:
        """Whether it can do its work. Asked now and then, never before a run; it may take seconds, but changes
        nothing.
        """

    async def refresh_credentials(self) -> None:
        """Called before an attempt that was refused for want of permission is repeated."""

    async def close(self) -> None:
        """Lets go of connections and processes."""


class Declared:
    """A default for everything that a tool says of itself: each claims the least and costs nothing."""

    version: str = "1"
    deterministic: bool = False
    idempotent: bool = False
    literal: frozenset[str] = frozenset()
    grows: bool = False
    risk: Risk = "write"
    untrusted: bool = False
    refuses_tainted: bool = False
    resources: Resources = Resources()
    limits: ToolLimits = ToolLimits()
    breaker: bool = False
    executor: ExecutorName | None = None
    origin: str = ""
    depends_on: Mapping[str, str] = {}
    """What every output depends on beside the input, by name, such as the version of a library."""

    def output_schema(self) -> dict[str, Json]:
        """JSON Schema of the output: any value."""
        return {}

    def repeatable(self, value: Json) -> bool:  # noqa: ARG002 (a tool may decide by its input)
        """Whether running this input twice does no more than running it once."""
        return self.idempotent

    def cacheable(self, value: Json) -> bool:  # noqa: ARG002
        """Whether this input gives the same output again, as long as its environment is the same."""
        return self.deterministic

    def environment(self, value: Json) -> Mapping[str, str]:  # noqa: ARG002
        """What else the output depends on."""
        return self.depends_on

    def risk_of(self, value: Json) -> Risk:  # noqa: ARG002
        """What running this input can do."""
        return self.risk

    def taints(self, value: Json) -> bool:  # noqa: ARG002
        """Whether the output for this input comes from outside."""
        return self.untrusted

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """Whom this input makes it talk to: nobody."""
        return ""

    def estimate_duration(self, value: Json) -> float | None:  # noqa: ARG002
        """Seconds that this input will take: what was learned knows best."""
        return None

    def classify(self, error: Exception) -> Category | None:  # noqa: ARG002
        """The category of an exception of its own; a tool that has some overrides it."""
        return None

    async def health_check(self) -> ToolHealth:
        """It needs nothing from outside."""
        return ToolHealth()

    async def refresh_credentials(self) -> None:
        """Gets fresh credentials; a tool that has some overrides it."""

    async def close(self) -> None:
        """Lets go of connections and processes."""


@contextmanager
def as_meant(tool: Tool, *passing: type[Exception]) -> Iterator[None]:
    """A call of ``tool``: what it raises comes out as the tool means it, where it knows the category.

    ``ToolError``, ``EngineError``, what is in ``passing``, and what the tool cannot classify come out as they are.

    Raises:
        ToolError: with the category that the tool gives to its own exception.
    """
    known: tuple[type[Exception], ...] = (ToolError, EngineError, *passing)
    try:
        yield
    except known:
        raise
    except Exception as error:
        category = tool.classify(error)
        if category is None:
            raise
        raise ToolError(f"{type(error).__name__}: {error}", category=category) from error
