"""The one place that reads the process environment: variables in, ``engine.settings.Settings`` out.

Read once, at the start of a command or of ``open_engine``. A file counts only when it is named, and stands behind the
process environment. Unset or empty means the default, so ``NEO4J_URL= agent03 run ...`` also switches off what the
file says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import urlsplit

from engine.errors import SettingsError

if TYPE_CHECKING:  # what takes long to import is imported when it is used: most commands only ask a server
    from pydantic_core import ErrorDetails

    from engine.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8003"
"""Where ``agent03 serve`` listens unless it is told otherwise."""
SECRET_PREFIX = "AGENT03_SECRET_"  # noqa: S105 (a name, no secret)
"""Begins the names of the variables that hold a secret."""


def load_settings(
    env_file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Builds the settings from the environment.

    Args:
        env_file: a file of NAME=value lines to stand behind the process environment; None reads no file.
        environ: the variables to read instead of the process environment.
        overrides: settings by name that win over both, such as those of the command line; None among them is unset.

    Raises:
        SettingsError: in one line, with the variable's name in upper case and what would be right.
    """
    from pydantic import ValidationError

    from engine.settings import Settings

    variables = {**_read_file(env_file), **(os.environ if environ is None else environ)}
    values: dict[str, object] = {
        name: variables[name.upper()] for name in Settings.model_fields if variables.get(name.upper())
    }
    values.update((name, value) for name, value in (overrides or {}).items() if value is not None)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_one_line(error.errors()[0])) from None


def engine_url(environ: Mapping[str, str] | None = None) -> str:
    """Where the server is that the command line talks to; raises ``SettingsError``."""
    given = (os.environ if environ is None else environ).get("ENGINE_URL") or DEFAULT_URL
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"ENGINE_URL={given:.100} is not usable: write it as {DEFAULT_URL}")
    return given.rstrip("/")


def names_a_server(environ: Mapping[str, str] | None = None) -> bool:
    """Whether somebody has said where the server is."""
    return bool((os.environ if environ is None else environ).get("ENGINE_URL"))


def engine_key(environ: Mapping[str, str] | None = None) -> str:
    """The key that the command line shows to that server; "" for none."""
    found = os.environ if environ is None else environ
    return found.get("AGENT03_KEY") or found.get("ENGINE_KEY") or ""


def secret_variables(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The secrets in the environment by name: the variables that begin with AGENT03_SECRET_."""
    found = os.environ if environ is None else environ
    return {
        name.removeprefix(SECRET_PREFIX): value
        for name, value in found.items()
        if name.startswith(SECRET_PREFIX) and value
    }


def process_environment() -> dict[str, str]:
    """A copy of the process environment, for the processes that a command starts."""
    return dict(os.environ)


def bucket_secrets(environ: Mapping[str, str] | None = None) -> list[str]:
    """What a login to a bucket must keep to itself; the library that uses it reads it by itself."""
    found = os.environ if environ is None else environ
    return [found[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if found.get(name)]


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that worker processes get: all but those that hold a secret of the engine's."""
    from pydantic import SecretStr

    from engine.settings import Settings

    found = dict(os.environ if environ is None else environ)
    own = {name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    own |= {"AGENT03_KEY", "ENGINE_KEY"}
    own |= {name.upper() for name in Settings.model_fields if "@" in urlsplit(found.get(name.upper(), "")).netloc}
    return {name: value for name, value in found.items() if name not in own and not name.startswith(SECRET_PREFIX)}


def colours_wanted(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal whose user has not set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _read_file(path: Path | None) -> dict[str, str]:
    """The variables of a file; ``$`` stays as it is, because passwords hold it."""
    if path is None:
        return {}
    from dotenv import dotenv_values

    try:
        with path.open(encoding="utf-8") as stream:
            found = dotenv_values(stream=stream, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"--env-file {path}: {reason}; name a readable file of NAME=value lines") from None
    return {name: value for name, value in found.items() if value is not None}


def _one_line(fault: ErrorDetails) -> str:
    """Names the variable, the value unless it is secret, and what would be right."""
    from pydantic import SecretStr

    from engine.settings import Settings

    field = str(fault["loc"][0])
    value = str(fault["input"])
    login = "://" in value and "@" in value.partition("://")[2].partition("/")[0]
    secret = login or Settings.model_fields[field].annotation is SecretStr
    given = "" if secret else f"={fault['input']!s:.100}"
    wanted = fault["msg"].removeprefix("Value error, ")
    return " ".join(f"{field.upper()}{given} is not usable: {wanted[:1].lower()}{wanted[1:]}".split())
