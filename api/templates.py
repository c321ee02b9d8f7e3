"""Reads the plan templates of TEMPLATES_PATH, once, when an engine starts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import yaml

from api.yaml12 import load_yaml
from engine.errors import SettingsError
from engine.givenfile import read_given
from engine.planning.templates import Template, TemplateSet, collected, refused, template

ENDINGS = (".yaml", ".yml")
MAX_BYTES = 4 * 1024 * 1024
"""A larger file is no template."""


def load_templates(folder: Path | None) -> TemplateSet:
    """The templates in the YAML files of ``folder``, in the order of their names; none without a folder.

    Raises:
        SettingsError: in one line, which names the file and what to do.
    """
    if folder is None:
        return TemplateSet()
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and not path.name.startswith("."))
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"TEMPLATES_PATH={folder}: {reason}; name a folder of YAML files, or leave it empty"
        ) from None
    return collected(_read(files))


def _read(files: list[Path]) -> Iterator[tuple[str, Template]]:
    for path in files:
        data = read_given(path, MAX_BYTES, partial(refused, path.name))
        try:
            yield path.name, template(path.name, load_yaml(data))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            raise refused(path.name, f"no usable YAML: {getattr(error, 'problem', None) or error}{place}") from None
