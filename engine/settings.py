"""Every setting, with unit, default and reason. Values arrive from outside once (``api/environment.py``).

The names here are the lower-case names of the environment variables; ``.env.agent03`` lists them with comments.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator


def _split(value: object) -> object:
    """Turns the text "a,b" into ["a", "b"]; anything else passes."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _limits(value: object) -> object:
    """Turns the text "type:2,other:5" into {"type": 2, "other": 5}; anything else passes."""
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition(":") for part in value.split(",") if part.strip()]
    if any(not name.strip() or not count.strip().isdigit() for name, _, count in pairs):
        raise ValueError('write it as "type:count,type:count", for example "http_request:4"')
    return {name.strip(): int(count) for name, _, count in pairs}


def _prices(value: object) -> object:
    """Turns the text "model:3/15" into {"model": (3.0, 15.0)}; anything else passes."""
    if not isinstance(value, str):
        return value
    prices: dict[str, tuple[float, float]] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        model, _, amounts = part.rpartition(":")
        try:
            cost_in, cost_out = map(float, amounts.split("/"))
        except ValueError:
            raise ValueError('write it as "model:input/output", for example "claude-sonnet-5-5:3/15"') from None
        prices[model.strip()] = (cost_in, cost_out)
    return prices


BUCKETS = "s3://"
"""Begins what is a place in a bucket and no folder."""
_BUCKET = re.compile(BUCKETS + r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w!.*'()-]+)*/?")


def _place(value: object) -> object:
    """A folder or a place in a bucket, as text; anything else passes."""
    text = str(value) if isinstance(value, Path) else value
    if isinstance(text, str) and "://" in text and not _BUCKET.fullmatch(text):
        raise ValueError("write it as a folder, or as s3://bucket/prefix without a login")
    return text


Place = Annotated[str, BeforeValidator(_place)]
"""A folder, or s3://bucket/prefix."""
_EXECUTORS = ("asyncio", "threads", "processes", "ray")


def _executors(value: object) -> object:
    """Turns the text "type:ray,other:processes" into {"type": "ray", "other": "processes"}; anything else passes."""
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition(":") for part in value.split(",") if part.strip()]
    if any(not name.strip() or executor.strip() not in _EXECUTORS for name, _, executor in pairs):
        raise ValueError(f'write it as "type:executor,type:executor"; an executor is one of {", ".join(_EXECUTORS)}')
    return {name.strip(): executor.strip() for name, _, executor in pairs}


_RATE = re.compile(r"(user|host=[^\s=]+|[A-Za-z][A-Za-z0-9_.-]*):([1-9][0-9]{0,3}/(second|minute|hour|day))")


def _rates(value: object) -> object:
    """Turns the text "type:10/second,host=name:5/minute" into a dictionary; anything else passes."""
    if not isinstance(value, str):
        return value
    found = [_RATE.fullmatch(part.strip()) for part in value.split(",") if part.strip()]
    if not all(found):
        raise ValueError('write it as "type:10/second,host=api.example.com:5/minute,user:100/hour", up to 9999 each')
    return {match[1]: match[2] for match in found if match}


Names = Annotated[list[str], BeforeValidator(_split)]


class Settings(BaseModel):
    """All settings of one engine process. Immutable; built once by the composition root and handed down."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # -- where it listens and what it belongs to
    backend_host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback anyone who reaches the port and needs no key can run shell commands."""
    allow_without_keys: bool = False
    """``yes`` listens beyond loopback although nobody is asked for a key: where something else guards the port."""
    allowed_hosts: Names = Field(default_factory=list)
    """Public names under which it may be asked while nobody needs a key, comma separated. A page whose name leads here
    would else be let in; names that nobody can own (an address, localhost, one without a dot) always are.
    """
    key_rate: int = Field(0, ge=0, le=1_000_000)
    """Requests that each key may send in a minute; 0 for any number."""
    user_open_tasks: int = Field(0, ge=0)
    """Open tasks that each user may have in this engine before it answers 429; 0 for any number."""
    backend_port: int = Field(8003, ge=0, le=65535)
    """TCP port of the REST API; 0 takes a free one."""
    namespace: str = Field("agent03", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """On every node: engines and tests can share one database without seeing each other."""
    data_path: Path = Path("./data/agent03")
    """Folder of everything kept on disk: the embedded graph, blobs, the engine's id, the local Neo4j."""
    blob_path: Place = ""
    """Where payloads above 32 KiB are: a folder, or s3://bucket/prefix (extra ``s3``; AWS_ENDPOINT_URL and the other
    AWS_* variables say the rest); empty means ``data_path/blobs``. Shared by all engines of a namespace."""

    runs_tasks: bool = True
    """``no`` serves the API and hands every task to the engines that run some. Needs Neo4j."""

    # -- back ends
    neo4j_url: str = ""
    """Bolt address such as bolt://localhost:7433; empty means the embedded graph under ``data_path``."""
    neo4j_auth: SecretStr = SecretStr("neo4j/agent03-password")
    """``user/password`` of the graph database."""
    neo4j_browser_url: str = Field("", pattern=r"^(https?://[^\s?#]+)?$")
    """Address of Neo4j Browser, such as http://localhost:7403/browser/: tasks then link to it; empty means no links."""
    neo4j_start_timeout_seconds: float = Field(10.0, gt=0)
    """How long a start waits for the graph database before it gives up with a clear line."""
    redis_url: str = ""
    """redis://host:port/db; empty means an in-process stand-in. Engines that share it keep their limits together.
    Correctness never depends on it.
    """
    cache_ttl_seconds: int = Field(3600, ge=1, le=31_536_000)
    """How long a cached result is used again."""
    embedded_buffer_mb: int = Field(512, ge=128)
    """Page cache of the embedded graph, MiB. With less than 128 it runs full before a checkpoint can empty it; where a
    checkpoint needs more, it is doubled until the next start, and the log says so.
    """

    # -- scheduling
    max_parallel_tasks: int = Field(10, ge=1, le=10_000)
    """Subtasks that run at the same time in this engine."""
    type_limits: Annotated[dict[str, int], BeforeValidator(_limits)] = Field(default_factory=dict)
    """At most so many running subtasks of a type in this engine, as "type:count,type:count"."""
    max_queued_subtasks: int = Field(1_000_000, ge=1)
    """Unsettled subtasks the engine holds before it answers 429."""
    max_open_tasks: int = Field(10_000, ge=1)
    """Open tasks the engine holds before it answers 429."""
    task_timeout_seconds: float = Field(300.0, gt=0)
    """Longest single attempt of a subtask that names no limit of its own."""
    max_retries: int = Field(3, ge=0, le=100)
    """Repeats after the first attempt, of errors that may pass (transient, resource)."""
    retry_backoff_seconds: float = Field(2.0, ge=0, le=86_400)
    """Wait before the first repeat; it doubles from there, spread at random."""
    max_backoff_seconds: float = Field(300.0, ge=0, le=86_400)
    """Longest wait between two attempts unless the subtask says otherwise."""
    engine_timeout_seconds: float = Field(15.0, gt=0)
    """An engine without a heartbeat for this long is taken for dead."""
    heartbeat_seconds: float = Field(2.0, gt=0)
    """Interval of the engine's one small heartbeat write."""
    cancel_grace_seconds: float = Field(0.5, ge=0)
    """Time between asking a cancelled subtask to stop and killing it."""
    shutdown_grace_seconds: float = Field(30.0, ge=0)
    """Time that running subtasks get to end when the engine is stopped."""

    retention_days: float | None = Field(None, ge=0, le=36_500)
    """Days that final tasks are kept, fractions allowed; empty keeps them until somebody removes them."""
    archive_path: Place = ""
    """Where tasks go that are old enough, before they are removed: a folder, or s3://bucket/prefix; empty: nowhere."""
    archive_format: Literal["parquet", "json"] = "parquet"
    """What archives are written in: Parquet (extra ``archive``), or lines of JSON, which need nothing more."""

    # -- limits of what comes in
    max_plan_subtasks: int = Field(250_000, ge=1)
    """Subtasks in one plan."""
    max_plan_edges: int = Field(1_000_000, ge=1)
    """Dependencies in one plan."""
    max_body_bytes: int = Field(64 * 1024 * 1024, ge=1024)
    """Request body, bytes."""

    # -- where tools run
    executor: Literal["asyncio", "threads", "processes", "ray"] = "asyncio"
    """Where types run that name no place themselves and can run elsewhere: functions of your own, and built-in types
    that compute. asyncio is the engine's event loop, with a thread for what is not async."""
    type_executors: Annotated[dict[str, str], BeforeValidator(_executors)] = Field(default_factory=dict)
    """The same for single types, as "type:executor,type:executor"; goes before what a tool says of itself."""
    executor_processes: int = Field(0, ge=0, le=1_024)
    """Worker processes at most; 0: as many as the machine has processors."""
    ray_address: str = ""
    """host:port of a Ray cluster that has a node on this machine; local starts one of this engine's own."""
    ray_parallel: int = Field(0, ge=0, le=100_000)
    """Calls in the cluster at the same time; 0: as many as it has processors."""
    ray_wait_seconds: float = Field(60.0, gt=0, le=86_400)
    """A call that the cluster has not begun by then is taken back, and waits as state again."""
    ray_timeout_seconds: float = Field(15.0, ge=2, le=3_600)
    """A cluster without a sign of life for so long is lost, and with it the calls that it has."""

    # -- tools
    agent03_tools: Names = Field(default_factory=list)
    """Python modules whose ``@tool`` functions become subtask types, comma separated."""
    file_roots: Names = Field(default_factory=lambda: ["./shared_files"])
    """Folders that the file tools may touch, comma separated."""
    undo_path: Path | None = None
    """Folder of what the file tools replace and delete; empty means ``data_path/undo``. Engines that share files share
    this too, else each puts back only what it changed itself."""
    tool_processes: int = Field(1024, ge=0, le=4_194_304)
    """Processes and threads of one tool at the same time; a tool that has so many is killed. 0: no bound."""
    tool_disk_mb: int = Field(10_240, ge=0, le=1_073_741_824)
    """MiB that one tool may write to disk, all its processes together; one that writes more is killed. 0: no bound."""
    tool_cpus: float = Field(0.0, ge=0, le=1_024)
    """Processors that one tool may take, such as 1.5; needs a cgroup (controller cpu). 0: any number."""
    tool_cgroup: Path | None = None
    """Folder of a cgroup (controller pids) in which the engine may make one for each tool; empty: its own if it may."""
    tool_uids: str = Field("", pattern=r"^([0-9]+-[0-9]+)?$")
    """Ids of users that nobody else uses, as first-last, for an engine that is root without such a cgroup: each tool
    runs as one of them, so that the kernel can count its processes, and reaches the files of root all the same."""
    mcp_servers: Path | None = None
    """JSON file of MCP servers whose tools become subtask types, ``mcp.SERVER.TOOL``; empty means none."""
    http_allow_private: Names = Field(default_factory=list)
    """Private addresses that http_request may reach: host[:port] or CIDR, comma separated."""

    browser_path: str = ""
    """The Chromium of ``browser``; empty means the one on the PATH."""
    web_search_url: str = ""
    """Search provider of web_search: a SearXNG, or what answers as it does; empty means that there is none."""
    smtp_url: SecretStr = SecretStr("")
    """Server for outgoing mail, smtp://[user:password@]host:port or smtps://; empty means that none is sent."""
    mail_from: str = Field("", pattern=r"^([^<>\r\n@]*<[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+|)$")
    """Sender of outgoing mail: an address, or a name and <address>."""
    mail_allow: Names = Field(default_factory=list)
    """Recipients that mail may go to, address or @domain, comma separated; nobody else gets any."""

    # -- limits of what is called
    rate_limits: Annotated[dict[str, str], BeforeValidator(_rates)] = Field(default_factory=dict)
    """Calls in any second, minute, hour or day, as "type:10/second,host=api.example.com:5/minute,user:100/hour"."""
    breaker_open_seconds: float = Field(30.0, ge=0, le=86_400)
    """For how long nothing calls a tool or an endpoint that keeps failing, before one call tries it; 0: no breakers."""
    breaker_calls: int = Field(10, ge=1, le=1_000)
    """Calls that must have ended within the window before a breaker may open."""
    breaker_rate: float = Field(0.5, gt=0, le=1)
    """Share of these that failed (transient, timeout), or were slow, from which on it opens."""
    breaker_window_seconds: float = Field(60.0, gt=0, le=86_400)
    """How far back a breaker looks."""
    breaker_slow_seconds: float | None = Field(None, gt=0)
    """From when on a call counts as slow; empty: never."""

    # -- what the machine has left
    pressure_look_seconds: float = Field(2.0, ge=0, le=3600)
    """Between two looks at the machine: while one of the following is short, less runs at the same time, the heaviest
    types first. 0: nobody looks."""
    pressure_memory: float = Field(0.92, ge=0, le=1)
    """Part of the memory of the machine, or of the container, that may be taken; 0: not looked at, as with the next."""
    pressure_own_mb: int | None = Field(None, ge=0)
    """Memory that the engine's own process may hold, MiB; empty: as much as there is."""
    pressure_load: float = Field(10.0, ge=0)
    """Processes that may want each processor, mean of a minute (the load)."""
    pressure_disk_mb: int = Field(256, ge=0)
    """Room that should be free where the engine writes, MiB."""
    pressure_lag_seconds: float = Field(1.0, ge=0)
    """By how much the event loop may be late."""

    # -- secrets
    secrets_path: Path | None = None
    """Folder with a file for each secret that plans may name as {{secrets.NAME}}, beside the variables
    AGENT03_SECRET_NAME and the folder /run/secrets; empty means only those two.
    """

    # -- callbacks
    webhook_secret: SecretStr = SecretStr("")
    """Signs what callbacks are told: whsec_ and 24 to 64 bytes in base64. Empty means that callbacks are refused."""
    webhook_timeout_seconds: float = Field(15.0, gt=0, le=300)
    """Longest wait for the answer of a receiver."""
    webhook_retry_seconds: float = Field(5.0, gt=0, le=3600)
    """Wait before the first repeat; it doubles up to an hour, and after a day nobody is told any more."""

    # -- routing
    router_config: Path | None = None
    """JSON file of rules that choose the tool of a subtask; read again when it changes. Empty: its type runs it."""

    # -- planning
    templates_path: Path | None = None
    """Folder of plan templates, one YAML file each; empty means that there are none of your own."""
    anthropic_api_key: SecretStr = SecretStr("")
    """Key for Claude; empty means that nothing asks a model."""
    anthropic_base_url: str = ""
    """Another address than that of the public API."""
    planning_model: str = "claude-sonnet-5-5"
    """The model that plans what no rule, template or learned plan understands."""
    claude_model: str = "claude-haiku-5-5"
    """The model of a ``claude`` subtask that names none."""
    claude_prices: Annotated[dict[str, tuple[float, float]], BeforeValidator(_prices)] = Field(default_factory=dict)
    """US dollars per million input and output tokens, as "model:3/15,model:1/5"; a model without a price costs null."""
    claude_timeout_seconds: float = Field(120.0, gt=0)
    """Longest wait for one answer."""
    sdk_permission_mode: Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"] = "acceptEdits"
    """What ``claude_code`` may do unasked beside its ``allowed_tools``, and an agent with ``--runner claude_code``;
    nobody is there to be asked.
    """
    claude_code_path: str = ""
    """The program of Claude Code; empty means the one that comes with the extra ``agent``."""
    max_expansion_depth: int = Field(5, ge=0, le=50)
    """How deep subtasks may grow from subtasks that grew; 0 lets none grow any."""

    # -- asking a person
    approval_policy: Path | None = None
    """File of rules (YAML or JSON) by which subtasks wait for a person; empty means that only plans and tools ask."""
    approval_timeout_seconds: float | None = Field(None, gt=0, le=31_622_400)
    """How long a request waits for a person unless the policy says otherwise; empty means for ever."""

    # -- agents
    roles_path: Path | None = None
    """File or folder of roles for agents (YAML), beside the predefined ones; empty means only those."""
    wrappers_path: Path | None = None
    """Folder of executables that agents may call as tools; empty means none."""
    agents_run_by: Literal["engine", "workers"] = "engine"
    """Who runs agents whose subtask does not say it: this engine, or the workers of its Redis (``agent03 worker``)."""
    worker_count: int = Field(1, ge=0, le=1_000)
    """Agents that one ``agent03 worker`` runs at the same time."""
    worker_roles: Names = Field(default_factory=list)
    """Roles that it runs, comma separated; empty means all."""
    worker_port: int = Field(0, ge=0, le=65535)
    """TCP port of its ``/health``, on BACKEND_HOST; 0 takes a free one."""
    worker_lease_seconds: float = Field(15.0, ge=0.5, le=3_600)
    """A worker that gives no sign of life for this long has its work taken over."""
    worker_keep_seconds: int = Field(604_800, ge=60, le=31_536_000)
    """How long Redis remembers an event, so that the same one again does nothing, and the steps of one not yet run."""
    agent_token: SecretStr = SecretStr("")
    """Shared by the engine and its agents in other processes: each shows it to the other. Empty: nobody is asked."""
    agent_timeout_seconds: float = Field(60.0, gt=0, le=3600)
    """An agent without a heartbeat for so long is gone; it is told to give six in that time."""

    # -- search
    embedding_keep_rows: int = Field(50_000, ge=0, le=1_000_000)
    """Passages of outputs and files that ``embedding_search`` finds, of the namespace; 0 takes none down."""

    # -- logs
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""
    log_format: Literal["console", "json"] = "console"
    """Lines for people or JSON objects for machines; always on stderr."""
    log_keep_days: float = Field(7.0, gt=0, le=36_500)
    """Days that what subtasks log is kept in the graph, fractions allowed."""
    log_keep_rows: int = Field(100_000, ge=0, le=10_000_000)
    """Lines of the namespace that are kept, of one attempt 1,000 at most; 0 keeps none."""

    @field_validator("neo4j_auth")
    @classmethod
    def _user_and_password(cls, value: SecretStr) -> SecretStr:
        user, slash, password = value.get_secret_value().partition("/")
        if not (user and slash and password):
            raise ValueError("write it as user/password")
        return value

    @field_validator("tool_uids")
    @classmethod
    def _nobody_else(cls, value: str) -> str:
        first, _, last = value.partition("-")
        if value and not 1000 <= int(first) <= int(last) <= 0xFFFF_FFFE:
            raise ValueError("write it as first-last, both from 1000 on, for example 400000-465535")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _whsec(cls, value: SecretStr) -> SecretStr:
        prefix, _, key = value.get_secret_value().partition("_")
        try:
            right = not value or (prefix == "whsec" and 24 <= len(base64.b64decode(key, validate=True)) <= 64)
        except ValueError:
            right = False
        if not right:
            raise ValueError("write it as whsec_ and 24 to 64 bytes in base64: echo whsec_$(openssl rand -base64 32)")
        return value

    @property
    def blobs(self) -> str:
        """Where the blob store is: a folder, or a place in a bucket."""
        return self.blob_path or str(self.data_path / "blobs")

    @property
    def blob_folder(self) -> Path | None:
        """The folder of the blob store; None when it is in a bucket."""
        return None if self.blobs.startswith(BUCKETS) else Path(self.blobs)

    @property
    def undo(self) -> Path:
        """The folder of what the file tools replace and delete."""
        return self.data_path / "undo" if self.undo_path is None else self.undo_path / self.namespace

    @property
    def neo4j_login(self) -> tuple[str, str]:
        """User and password."""
        user, _, password = self.neo4j_auth.get_secret_value().partition("/")
        return user, password
