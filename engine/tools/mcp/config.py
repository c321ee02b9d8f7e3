"""Which MCP servers there are: the JSON file of MCP_SERVERS, in the form that most clients read. Pure but for reading.

A secret is named in it as ``{{secrets.NAME}}``, in values of ``env`` and ``headers`` alone: arguments can be seen by
every process of the machine, and addresses end up in logs.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.docstrings import described
from engine.errors import SettingsError
from engine.givenfile import read_given
from engine.model import Json
from engine.references import find
from engine.secrets.literals import literals
from engine.toolport import Risk
from engine.tools.addresses import web_address
from engine.tools.faults import faults_of

MAX_BYTES = 1024 * 1024
"""A larger file names no servers."""
_LISTED = 10
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PLACES = {"command", "args", "cwd", "url"}

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Header = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")]
Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00\r\n]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=described, defer_build=True)


class Bounds(_Strict):
    """How hard a server may be driven, and what it may take."""

    parallel: int = Field(4, ge=1, le=1_000)
    """Calls at once in one engine, over all its tools."""
    per_minute: float | None = Field(None, gt=0)
    """Calls of each tool that begin in a minute; null for no bound."""
    attempt_seconds: float | None = Field(None, gt=0, le=86_400)
    """Longest call unless its subtask says otherwise; TASK_TIMEOUT_SECONDS where null."""
    idle_seconds: float | None = Field(None, gt=0, le=86_400)
    """Longest time in which a call tells no progress; null for no bound."""
    connect_seconds: float = Field(30.0, gt=0, le=600)
    """Longest time from the start of a connection to the list of its tools."""
    output_bytes: int = Field(4 * 1024 * 1024, ge=1_024, le=256 * 1024 * 1024)
    """Longest message that is read."""
    memory_mb: int | None = Field(2_048, ge=64)
    """MiB of each process that a command starts; null for no bound."""


class Server(_Strict):
    """One server: a ``command`` that speaks on stdin and stdout, or the ``url`` of one that listens."""

    type: Literal["stdio", "http", "streamable-http", "streamable_http"] | None = None
    """What it is; not needed."""
    command: Text | None = Field(None, min_length=1)
    """The program."""
    args: list[Text] = Field(default_factory=list, max_length=1_000)
    """Its arguments; no shell reads them."""
    env: dict[Variable, Text] = Field(default_factory=dict)
    """Variables that it gets beside the harmless ones of the engine (PATH, HOME, language); secrets by name."""
    inherit: list[Variable] = Field(default_factory=list)
    """Names of variables of the engine that it gets too; all others stay away from it."""
    cwd: Text | None = Field(None, min_length=1)
    """The folder that it works in; the first of FILE_ROOTS unless given."""
    url: Text | None = None
    """Where it listens; may be private, for it is written here."""
    headers: dict[Header, Text] = Field(default_factory=dict)
    """Headers of every request; secrets by name."""
    tools: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = None
    """Names of the only tools of it that become types; all where null."""
    untrusted: bool = True
    """Whether what it returns counts as coming from outside."""
    risk: dict[str, Risk] = Field(default_factory=dict)
    """What a tool can do at worst, by its name, in place of what the server says of it."""
    idempotent: list[str] = Field(default_factory=list)
    """Names of tools that do no more when they run twice, beside those of which the server says so."""
    limits: Bounds = Bounds()
    """How hard it may be driven."""
    disabled: bool = False
    """Whether to leave it out."""

    @model_validator(mode="after")
    def _one_way(self) -> Server:
        if (self.command is None) == (self.url is None):
            raise ValueError("give command (a program to start) or url (a server that listens), and not both")
        if self.type is not None and (self.type == "stdio") != (self.command is not None):
            raise ValueError(f"type {self.type} does not go with {'url' if self.command is None else 'command'}")
        wrong = ["headers"] if self.command is not None else ["args", "env", "inherit", "cwd"]
        if given := [name for name in wrong if getattr(self, name)]:
            raise ValueError(f"{given[0]} goes with {'url' if self.command is not None else 'command'} only")
        if self.url is not None:
            web_address(self.url)
        return self

    @property
    def remote(self) -> bool:
        """Whether it is reached over HTTP."""
        return self.url is not None

    @property
    def secrets(self) -> list[str]:
        """The names of the secrets that a connection needs."""
        named = find({"env": dict(self.env), "headers": dict(self.headers)}, ()).references
        return sorted({str(reference.path[0]) for reference in named if reference.head == "secrets" and reference.path})

    def stamp(self) -> str:
        """Another one where another server may be meant: what is remembered of tools is of this one only."""
        meant = [self.command, self.args, self.cwd, self.url, self.tools]
        return hashlib.sha256(msgspec.json.encode(meant)).hexdigest()[:16]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mcpServers: dict[str, Server] = Field(default_factory=dict, max_length=200)


def read_servers(path: Path) -> dict[str, Server]:
    """The servers of a file by name, without those that are left out.

    Raises:
        SettingsError: in one line, which names the file and its faults.
    """
    data = read_given(path, MAX_BYTES, lambda why: _refused(path, why))
    try:
        document: Json = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(path, f"no JSON: {error}") from None
    try:
        found = _File.model_validate(document).mcpServers
    except ValidationError as error:
        listed = [f"{'.'.join(map(str, place)) or 'the file'}: {why}" for place, why in faults_of(error, _File)]
        raise _refused(path, _joined(listed)) from None
    if faults := [fault for name, server in found.items() for fault in _faults(name, server)]:
        raise _refused(path, _joined(faults))
    return {name: server for name, server in found.items() if not server.disabled}


def _faults(name: str, server: Server) -> list[str]:
    """What a model cannot say: names, and secrets that stand where they can be read. No secret is in the texts."""
    found = [] if _NAME.fullmatch(name) else [f"the name {name!r} should be 1 to 40 letters, digits, _ or -"]
    value: dict[str, Json] = server.model_dump(include={*_PLACES, "env", "headers"})
    for reference in find(value, ()).references:
        place = reference.place.removeprefix("/")
        if reference.problem or reference.head != "secrets":
            found.append(f"{name}.{place}: {reference.text} means nothing here; secrets.NAME alone does")
        elif place.split("/")[0] in _PLACES:
            found.append(f"{name}.{place}: a secret there could be read by others; put it into env or headers")
    found += [f"{name}.{place.removeprefix('/')}: {why}" for place, why in literals(value, _PLACES)]
    return found


def _joined(faults: list[str]) -> str:
    more = f" (and {len(faults) - _LISTED} more)" if len(faults) > _LISTED else ""
    return "; ".join(faults[:_LISTED]) + more


def _refused(path: Path, why: str) -> SettingsError:
    return SettingsError(f"MCP_SERVERS: {path}: {why}; correct it, or leave MCP_SERVERS empty")
