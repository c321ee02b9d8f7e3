"""``agent``: gives work to a model in a role, which calls the tools of that role until it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from pydantic import Field

from engine.agents.budget import Budget
from engine.agents.context import ContextLoader, ContextPack, Loaded
from engine.agents.delegating import grown
from engine.agents.purse import Purse, Purses
from engine.agents.result import AgentResult
from engine.agents.runner import AgentRunner, Job
from engine.agents.talk import talk_name
from engine.agents.toolset import Toolset
from engine.agentstore import AgentStore
from engine.errors import AgentExecutionError, Category
from engine.language import LanguageModel
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth
from engine.tools.addresses import endpoint_of
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.health import model_health
from engine.tools.json_schema import SchemaFault, check_schema
from engine.tools.talk import follows

MOST_PROMPT = 200_000


class AgentInput(Input):
    """Who is to do what."""

    role: str = Field(min_length=1, max_length=64)
    """A predefined role, or one of ROLES_PATH."""
    prompt: str = Field(min_length=1, max_length=MOST_PROMPT)
    """What is to be done."""
    context: ContextPack | None = None
    """What it is given to read."""
    context_path: str | None = Field(default=None, min_length=1, max_length=4_096)
    """The same from FILE_ROOTS: a folder, a text file, or a pack (.json)."""
    output_schema: dict[str, Json] | None = None
    """A JSON Schema; the answer is a value that follows it."""
    budget: Budget = Budget()
    """What it may use at most, over all attempts together."""
    run_by: Literal["engine", "workers"] | None = None
    """Who runs it; AGENTS_RUN_BY unless given."""


class Elsewhere(Protocol):
    """Runs agents in other processes."""

    async def run(self, value: AgentInput, context: RunContext) -> AgentResult:
        """The result of the agent; raises ``ToolError``. Cancelled, it has the agent stopped."""

    async def close(self) -> None:
        """Waits for nothing any more."""


class Agent(ModelTool[AgentInput]):
    """Gives work to a model in a role; its output is an ``AgentResult``: ``{"text", "value", "usage", ...}``.

    Args:
        model: Claude; None when there is no key.
        tools: the tools of the roles.
        contexts: loads what agents are given to read.
        store: where talks are kept; None where no agent is run.
        elsewhere: runs those that workers are to run.
        run_by: who runs those that do not say it.
    """

    name = "agent"
    grows = True  # what it delegates
    idempotent = True  # a repeat goes on where the talk ends, and makes no call again that has ended
    risk: Risk = "write"
    untrusted = True
    model = AgentInput

    def __init__(
        self,
        model: LanguageModel | None,
        tools: Toolset,
        contexts: ContextLoader,
        store: AgentStore | None,
        elsewhere: Elsewhere | None = None,
        run_by: str = "engine",
    ) -> None:
        self._model, self.tools, self._contexts, self._store = model, tools, contexts, store
        self._elsewhere, self._run_by = elsewhere, run_by
        self.purses: Purses | None = None
        """The budgets of tasks; the engine gives them."""

    def output_schema(self) -> dict[str, Json]:
        """JSON Schema of the output: what is in every result."""
        fields: dict[str, Json] = {"text": {"type": "string"}, "role": {"type": "string"}, "turns": {"type": "integer"}}
        return {"type": "object", "properties": fields}

    def examine(self, value: AgentInput) -> None:
        """A role that there is, something to do, one context at most, a schema that is one."""
        if fault := self.tools.roles.fault(value.role):
            raise InputFault(fault, "role")
        if not value.prompt.strip():
            raise InputFault("should say something", "prompt")
        if value.context is not None and value.context_path is not None:
            raise InputFault("stands in the place of context; leave one of them out", "context_path")
        if value.context_path is not None and (fault := self._contexts.fault(value.context_path)):
            raise InputFault(fault, "context_path")
        if value.output_schema is not None:
            try:
                check_schema(value.output_schema)
            except SchemaFault as found:
                raise InputFault(str(found), "output_schema", *found.path) from None

    def cacheable(self, value: Json) -> bool:  # noqa: ARG002
        """Never: what an agent does is more than its output."""
        return False

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """Where the model is."""
        return "" if self._model is None else endpoint_of(self._model.address)

    async def health_check(self) -> ToolHealth:
        """Whether there is a key; to ask the model would cost."""
        return model_health(self._model)

    async def perform(self, value: AgentInput, context: RunContext) -> Json:
        """The talk, here or by a worker, from where the graph has it.

        What a person has approved is run here: an approval is not taken from whoever can write to a stream. So is what
        shares a budget with other agents of its task, for only the engine knows them all.
        """
        purse = None if self.purses is None else await self.purses.of(context.task_id)
        if (value.run_by or self._run_by) == "workers" and not context.approved and purse is None:
            if self._elsewhere is None:
                raise AgentExecutionError(
                    "workers are to run it, and REDIS_URL is empty",
                    category=Category.CONFIGURATION,
                    suggestion="Set REDIS_URL for engine and workers, or leave run_by and AGENTS_RUN_BY out.",
                )
            return _output(await self._elsewhere.run(value, context), value)
        assert self._store is not None
        return _output(await self.work(value, context, self._store, purse=purse), value)

    async def work(
        self,
        value: AgentInput,
        context: RunContext,
        store: AgentStore,
        pause: Callable[[], bool] = lambda: False,
        purse: Purse | None = None,
    ) -> AgentResult:
        """The talk, in this process.

        Args:
            value: a checked input.
            context: of the attempt.
            store: where the talk is kept.
            pause: whether to end after a turn.
            purse: of its task, where that has a budget.

        Raises:
            ToolError: what kept it from its end.
            HandedBack: it was to pause.
        """
        if self._model is None:
            raise AgentExecutionError(
                "there is no key for Claude",
                category=Category.CONFIGURATION,
                suggestion="Set ANTHROPIC_API_KEY, start the engine again.",
            )
        loaded = await self._loaded(value)
        job = Job(
            role=self.tools.roles.get_role(value.role),
            talk=name_of(value, context),
            opening=context.covered("\n\n".join(part for part in (loaded.text(), value.prompt) if part)),
            budget=value.budget,
            schema=value.output_schema,
            missing=loaded.missing,
        )
        read = _reader(value.output_schema)
        return await AgentRunner(self._model, self.tools, store, read, context, job, pause=pause, purse=purse).run()

    async def _loaded(self, value: AgentInput) -> Loaded:
        if value.context_path is not None:
            return await self._contexts.load_from_path(value.context_path)
        return await self._contexts.load(value.context) if value.context is not None else Loaded()

    async def close(self) -> None:
        """Lets go of what the wrappers need, and of the workers."""
        await self.tools.close()
        if self._elsewhere is not None:
            await self._elsewhere.close()


def _output(result: AgentResult, value: AgentInput) -> Json:
    """The output of the subtask, and what its agent has delegated."""
    return grown(result, value.budget, value.run_by) if result.delegated else result.to_json()


def name_of(value: AgentInput, context: RunContext) -> str:
    """The name of the talk about this input; who runs it, and for how much, makes it no other one."""
    return talk_name(context.covered(value.model_dump_json(exclude={"budget", "run_by"})))


def _reader(schema: dict[str, Json] | None) -> Callable[[str], Json]:
    """How the last answer is read: as it is, or as a value that follows the schema."""
    return (lambda _: None) if schema is None else follows(schema)
