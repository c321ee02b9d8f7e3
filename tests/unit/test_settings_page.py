"""docs/settings.md says of every setting what the class says, and nothing else.

``python -m tests.unit.test_settings_page`` writes the page anew.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from engine.docstrings import docstring
from engine.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """# Settings

Every setting is a variable of the environment, and is read once, at the start. `--env-file FILE` stands behind the
environment, an option of the command line before it; unset or empty means the default.
[.env.agent03](../.env.agent03) has them all with the values for a host beside the compose file. A value that cannot be
used ends the start with one line that says what would be right. `ENGINE_URL` is for commands that ask a server, and
says where it is: `http://127.0.0.1:8003` unless given.

This page is generated from `engine/settings.py`; a test compares the two.
"""


def groups() -> dict[str, list[str]]:
    """The names of the settings under the comments that head them in the class."""
    found: dict[str, list[str]] = {}
    for line in inspect.getsource(Settings).splitlines():
        if heading := re.fullmatch(r" {4}# -- (.+)", line):
            found[heading[1].capitalize()] = []
        elif (field := re.match(r" {4}(\w+):", line)) and field[1] in Settings.model_fields:
            found[list(found)[-1]].append(field[1])
    return found


def default(field: FieldInfo) -> str:
    """The default as one would write it into the environment; "" for none."""
    value = field.get_default(call_default_factory=True)
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(plain, list):
        return ",".join(plain)
    if plain is None or plain == {}:
        return ""
    return f"./{plain}" if isinstance(plain, Path) else f"{plain:g}" if isinstance(plain, float) else str(plain)


def bounds(field: FieldInfo) -> str:
    """What a value may be, where that is more than its type."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    words = []
    for limit in field.metadata:
        match limit:
            case Ge(least):
                words.append(f"from {least:,}")
            case Gt(least):
                words.append(f"above {least:,}")
            case Le(most):
                words.append(f"to {most:,}")
    patterns = [f"`{limit.pattern}`" for limit in field.metadata if getattr(limit, "pattern", None)]
    return " ".join(words + patterns)


def row(name: str) -> str:
    """One setting as a line of the table."""
    field = Settings.model_fields[name]
    value, what = default(field), " ".join(docstring(Settings, name).split())
    return f"| `{name.upper()}` | {f'`{value}`' if value else ''} | {bounds(field)} | {what.replace('``', '`')} |"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for heading, names in groups().items():
        table = ["| setting | default | allowed | what |", "|---|---|---|---|", *map(row, names)]
        parts.append(f"## {heading}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def test_the_page_is_what_the_class_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "`make reference` writes it anew"


def test_every_setting_stands_under_a_heading() -> None:
    assert [name for names in groups().values() for name in names] == list(Settings.model_fields)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
