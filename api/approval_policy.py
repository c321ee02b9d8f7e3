"""Reads the rules of APPROVAL_POLICY, once, when an engine starts."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from api.yaml12 import load_yaml
from engine.approval.policy import Policy
from engine.errors import SettingsError
from engine.givenfile import read_given

MAX_BYTES = 1024 * 1024
"""A larger file is no policy."""


def load_policy(path: Path | None) -> Policy:
    """The policy in a YAML or JSON file; one without rules where there is no file.

    Raises:
        SettingsError: in one line, which names the file and every fault.
    """
    if path is None:
        return Policy()
    data = read_given(path, MAX_BYTES, lambda why: _refused(path, why))
    try:
        raw = load_yaml(data)
        policy = Policy.model_validate({} if raw is None else raw)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in error.errors()]
        raise _refused(path, "; ".join(faults)) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(path, f"no usable YAML: {getattr(error, 'problem', None) or error}{place}") from None
    names = [rule.name for rule in policy.rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _refused(path, f"more than one rule is called {', '.join(twice)}")
    return policy


def _refused(path: Path, why: str) -> SettingsError:
    return SettingsError(f"APPROVAL_POLICY={path}: {why}; correct it, or leave it empty")
