"""Finds references to secrets where none is ever put in: a task's own input and parameters are data. Pure.

Data is not searched for references when it is used, else whoever can write a text into it could read a secret. So a
reference that was meant there would be taken for the secret itself, which is found out late: it is refused at the door.
What only looks like one, in a text of somebody else's such as ``${{ secrets.NAME }}`` of a workflow, stays data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from engine.model import Json
from engine.references import has_braces

PLACES = ("input", "parameters")
"""The fields of a body that are data."""
_PLANNED = "steps"
"""What of them is planned: the inputs of its steps are those of subtasks."""
HINT = (
    "stands for nothing here, because a task's own input and parameters are data; write it in the input of a subtask: "
    '"plan": {"subtasks": [...]}'
)


def unresolved(fields: dict[str, Json], encoded: bytes, has: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """(JSON pointer, what is wrong) of every reference to a secret that is a text of its own, or names a secret that
    there is.

    Args:
        fields: those of a body.
        encoded: the same as JSON text.
        has: whether there is a secret of a name.
    """
    if b"secrets" not in encoded or not has_braces(encoded):
        return
    for name in PLACES:
        value = fields.get(name)
        if isinstance(value, dict) and _PLANNED in value:
            value = {field: part for field, part in value.items() if field != _PLANNED}
        if value is not None:
            yield from _in(value, f"/{name}", has)


def _in(value: Json, place: str, has: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    stack: list[tuple[str, Json]] = [(place, value)]
    while stack:
        here, part = stack.pop()
        if isinstance(part, str):
            found = next((one for one in _NAMED.finditer(part) if one[0] == part.strip() or has(one[1])), None)
            if found is not None:
                yield here, f"{found[0]} {HINT}"
        elif isinstance(part, dict):
            below = reversed(part.items())
            stack.extend((f"{here}/{str(name).replace('~', '~0').replace('/', '~1')}", one) for name, one in below)
        elif isinstance(part, list):
            stack.extend((f"{here}/{number}", part[number]) for number in range(len(part) - 1, -1, -1))


_NAMED = re.compile(r"(?<![\\$])\{\{[ \t]*secrets\.([A-Za-z_][A-Za-z0-9_-]{0,99})[ \t]*\}\}")
