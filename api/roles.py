"""Reads the roles of agents: the predefined ones, and those of ROLES_PATH, once, when an engine starts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.yaml12 import load_own_yaml, load_yaml
from engine.agents.roles import AgentRole, Roles
from engine.errors import SettingsError

ENDINGS = (".yaml", ".yml")
MAX_BYTES = 4 * 1024 * 1024
"""A larger file holds no roles."""
_LISTED = 10


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    roles: list[AgentRole] = Field(max_length=10_000)


def load_roles(path: Path | None) -> Roles:
    """The predefined roles, and those in the YAML file or the YAML files of the folder ``path``.

    Raises:
        SettingsError: in one line, which names the file and its faults.
    """
    found = _File.model_validate(load_own_yaml(predefined())).roles
    for file, data in _given(path):
        roles = _read(str(file), data).roles
        names = [role.name for role in roles]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise _refused(str(file), f"more than one role is called {', '.join(twice)}")
        found = [*found, *roles]
    return Roles(found)


def predefined() -> bytes:
    """The file of the predefined roles."""
    return files("engine.agents").joinpath("roles.yaml").read_bytes()


def _given(path: Path | None) -> Iterator[tuple[Path, bytes]]:
    if path is None:
        return
    try:
        inside = path.iterdir() if path.is_dir() else iter([path])
        for file in sorted(found for found in inside if not path.is_dir() or found.suffix in ENDINGS):
            with file.open("rb") as stream:
                yield file, stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(str(path), error.strerror or str(error)) from None


def _read(name: str, data: bytes) -> _File:
    if len(data) > MAX_BYTES:
        raise _refused(name, f"it is larger than {MAX_BYTES:,} bytes")
    try:
        return _File.model_validate(load_yaml(data))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in error.errors()]
        more = f" (and {len(faults) - _LISTED} more)" if len(faults) > _LISTED else ""
        raise _refused(name, "; ".join(faults[:_LISTED]) + more) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(name, f"no usable YAML: {getattr(error, 'problem', None) or error}{place}") from None


def _refused(name: str, why: str) -> SettingsError:
    return SettingsError(f"ROLES_PATH: {name}: {why}; correct it, or leave ROLES_PATH empty")
