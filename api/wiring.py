"""The composition root: chooses the implementations and puts the engine together.

Only what the settings ask for is imported, inside the functions: an embedded graph loads no Neo4j driver, and
``agent03 version`` loads neither.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from api.environment import bucket_secrets, child_environment, load_settings, secret_variables
from engine.errors import SettingsError
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.adapters.redis import RedisConnection
    from engine.agents.tool import Agent, Elsewhere
    from engine.agentstore import AgentStore
    from engine.archive.port import ArchivePlace, TableFiles
    from engine.boardport import Board
    from engine.language import LanguageModel
    from engine.observer import Observer
    from engine.planning.templates import TemplateSet
    from engine.ports import Blobs, Graph
    from engine.secrets.vault import Vault
    from engine.service import Engine
    from engine.tools.claude_runner import ClaudeRunner
    from engine.tools.registry import ToolRegistry
    from engine.tools.undo import UndoLog
    from engine.tracing import Tracing
    from engine.workers.crew import Crew
    from engine.workers.pool import WorkerPool


@asynccontextmanager
async def open_engine(settings: Settings | None = None, *, observer: Observer | None = None) -> AsyncIterator[Engine]:
    """A started engine, stopped again at the end: running subtasks get their grace first.

    Args:
        settings: of this engine; None reads the process environment.
        observer: is told about turns and attempts, for metrics.

    Raises:
        SettingsError: when a variable has a wrong value.
        GraphUnavailable: when the graph does not answer, or another process holds the embedded one.
        GraphRefused: when the graph refuses the login or the schema.
    """
    settings = settings or load_settings()
    redis = build_redis(settings)
    engine = build_engine(settings, observer, redis)
    await redis.open()
    try:
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()
    finally:
        await redis.close()


def build_engine(settings: Settings, observer: Observer | None = None, redis: RedisConnection | None = None) -> Engine:
    """Puts an engine together without starting it: nothing is opened, read or written yet."""
    from api.approval_policy import load_policy
    from api.callbacks import ShownInCallbacks
    from api.templates import load_templates
    from engine.adapters.agents import HttpAgents
    from engine.agents.building import bind
    from engine.agents.purse import Purses
    from engine.caching.service import CacheService
    from engine.service import Engine
    from engine.shared_state import SharedState

    redis = redis or build_redis(settings)
    templates = load_templates(settings.templates_path)
    graph = build_graph(settings)
    crew = build_crew(settings, redis, graph)
    vault = build_vault(settings)
    tools = build_tools(settings, templates, graph, crew, vault)
    engine = Engine(
        settings=settings,
        graph=graph,
        blobs=build_blobs(settings),
        redis=redis,
        cache=CacheService(redis, settings.cache_ttl_seconds, settings.namespace),
        tools=tools,
        templates=templates,
        observer=observer,
        tracing=build_tracing(),
        shown=ShownInCallbacks(),
        policy=load_policy(settings.approval_policy),
        shared=SharedState(redis, settings.namespace),
        vault=vault,
        board=build_board(settings, redis),
        pools=crew,
        agents=HttpAgents(settings.agent_token.get_secret_value()),
        variables=child_environment(),
        archive=build_archive(settings),
    )
    bind(tools, engine.gate.asks, Purses(engine.budget_of, graph.agent_usage))
    return engine


def build_vault(settings: Settings) -> Vault:
    """The secrets that plans may name, and those of the settings; covered in the logs of this process too."""
    from api.logging import cover
    from engine.adapters.secrets import DOCKER, SecretPlaces, kept_key
    from engine.secrets.settings import hidden_in
    from engine.secrets.vault import Vault

    variables = secret_variables()
    folders = [*([settings.secrets_path] if settings.secrets_path else []), DOCKER]
    hidden = [*hidden_in(settings), *variables.values(), *bucket_secrets()]
    vault = Vault(SecretPlaces(variables, folders), hidden, lambda: kept_key(settings.data_path / "secrets.key"))
    cover(vault)
    return vault


def build_tracing() -> Tracing | None:
    """What writes traces; None where nobody can have set up where they go, and then nothing is loaded for it."""
    if "opentelemetry.trace" not in sys.modules and "OTEL_PYTHON_TRACER_PROVIDER" not in os.environ:
        return None
    from engine.adapters.tracing import tracing

    return tracing()


def build_blobs(settings: Settings) -> Blobs:
    """The blob store that the settings name."""
    if settings.blob_folder is None:
        from engine.adapters.s3blobs import S3Blobs

        return S3Blobs(settings.blobs)
    from engine.adapters.blobs import FolderBlobs

    return FolderBlobs(settings.blob_folder)


def build_archive(settings: Settings) -> tuple[ArchivePlace, TableFiles] | None:
    """Where tasks are archived, and in which form; None when the settings name no place."""
    if not settings.archive_path:
        return None
    from engine.adapters.archives import form_of, place_of

    return place_of(settings.archive_path), form_of(settings.archive_format)


def build_redis(settings: Settings) -> RedisConnection:
    """The connection to Redis, or the stand-in inside this process; not opened yet."""
    from engine.adapters.redis import RedisConnection

    return RedisConnection(settings.redis_url)


def build_board(settings: Settings, redis: RedisConnection) -> Board | None:
    """Where engines of one namespace keep their limits together; None without a server that they share."""
    if redis.kind != "redis":
        return None
    from engine.adapters.board import RedisBoard

    return RedisBoard(redis, settings.namespace)


def build_crew(settings: Settings, redis: RedisConnection, graph: AgentStore) -> Crew | None:
    """The workers behind Redis; None without a real one."""
    if not settings.redis_url:
        return None
    from engine.workers.crew import Crew

    return Crew(redis, build_redis(settings), graph, settings.worker_keep_seconds)


def build_pool(settings: Settings, redis: RedisConnection) -> tuple[WorkerPool, Agent]:
    """A pool of workers, not started, and what they run agents with, to be closed after it.

    Args:
        settings: of this process.
        redis: by which the pool says how it is.

    Raises:
        SettingsError: there is no Redis or no key, or a role, a tool, or a rule of approval is at fault.
    """
    from api.approval_policy import load_policy
    from api.roles import load_roles
    from engine.agents.tool import Agent
    from engine.workers.building import bind_rules, pool_of
    from engine.workers.config import WorkerConfig

    config = WorkerConfig.from_settings(settings, load_roles(settings.roles_path))
    agent = build_tools(settings).get(Agent.name)
    assert isinstance(agent, Agent)
    bind_rules(agent, load_policy(settings.approval_policy), settings)
    return pool_of(config, agent, redis, lambda: build_redis(settings), build_vault(settings).text), agent


def build_tools(
    settings: Settings,
    templates: TemplateSet | None = None,
    talks: AgentStore | None = None,
    crew: Elsewhere | None = None,
    vault: Vault | None = None,
) -> ToolRegistry:
    """The built-in tools, those of the user's modules, those of MCP servers, and agents.

    Args:
        settings: of the engine.
        templates: for sub-plans.
        talks: where the talks of agents are kept; None where nothing is run.
        crew: runs agents in other processes.
        vault: has the secrets that MCP servers need; None where nothing is run.

    Raises:
        SettingsError: a module, a role or the file of MCP servers is at fault.
    """
    from api.roles import load_roles
    from engine.agents.building import agent_of
    from engine.tools.registry import ToolRegistry

    model = build_model(settings)
    registry = ToolRegistry.from_settings(settings, model, templates)
    if settings.mcp_servers is not None:
        from engine.secrets.vault import Vault
        from engine.tools.mcp.source import mcp_servers

        registry.source = mcp_servers(settings, vault or Vault())
    roles = load_roles(settings.roles_path)
    registry.register(agent_of(settings, roles, registry.get, registry.names(), model, talks, crew))
    return registry


def build_agent_tools(settings: Settings) -> ToolRegistry:
    """The tools of an agent in a process of its own: those of the engine that need no graph."""
    from engine.tools.registry import ToolRegistry

    return ToolRegistry.from_settings(settings, build_model(settings))


def build_claude_runner(settings: Settings, tools: ToolRegistry) -> ClaudeRunner:
    """What an agent runs that has its work done by Claude Code; ``tools`` are those of the engine.

    Raises:
        SettingsError: the SDK or its program are missing.
    """
    from engine.tools.claude_runner import ClaudeRunner
    from engine.tools.claude_sdk import ClaudeSdk
    from engine.tools.roots import Roots

    sdk = ClaudeSdk.from_settings(settings)
    health = sdk.health()
    if not health.ok:
        raise SettingsError(f"--runner claude_code: {health.detail}: {health.suggestion}")
    return ClaudeRunner(tools.get, sdk, Roots(settings.file_roots))


def build_model(settings: Settings) -> LanguageModel | None:
    """Claude, not loaded yet; None without a key."""
    if not settings.anthropic_api_key.get_secret_value():
        return None
    from engine.adapters.claude import ClaudeModel

    return ClaudeModel(settings)


def build_graph(settings: Settings) -> Graph:
    """The graph that the settings name, not opened yet: Neo4j when there is an address, else the embedded one."""
    if settings.neo4j_url:
        from graph.neo4j.store import Neo4jGraph

        return Neo4jGraph(
            settings.neo4j_url, settings.neo4j_login, settings.namespace, settings.neo4j_start_timeout_seconds
        )
    from graph.ladybug.store import LadybugGraph

    return LadybugGraph(settings.data_path, settings.namespace, settings.embedded_buffer_mb)


def undo_log(settings: Settings) -> UndoLog:
    """The previous files of every task that the file tools have kept."""
    from engine.tools.registry import undo_log

    return undo_log(settings)
