"""``agent03 task logs``: what subtasks have logged, as lines for people or as JSON."""

from __future__ import annotations

import json

from api.cli.client import Client
from api.cli.output import say, show
from api.schemas.logs import LogPage, LogView


def print_logs(client: Client, task_id: str, key: str | None, level: str, limit: int, *, as_json: bool) -> None:
    """Prints the latest lines, the oldest of them first."""
    page = client.get(LogPage, "/logs", task=task_id, key=key, level=level, limit=limit)
    if as_json:
        show(page.model_dump_json(indent=2))
        return
    for line in reversed(page.logs):
        show(_line(line))
    if page.next_cursor:
        say(f"only the latest {limit} lines; --limit shows more")


def _line(line: LogView) -> str:
    fields = "".join(f" {name}={json.dumps(value)}" for name, value in line.fields.items())
    text = " ".join(line.message.split())
    who = f"{line.key} attempt {line.attempt}" if line.attempt else line.key or "task"
    return f"{line.at} {line.level} {who}: {text}{fields}"
