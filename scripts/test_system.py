#!/usr/bin/env python3
"""Hands three tasks to a running engine: a sentence, a typed task, a plan. Ends with 0 when all of them complete.

It needs nothing but Python: `python3 scripts/test_system.py`, with ENGINE_URL unless that is http://127.0.0.1:8003.
It prints which engine has run which subtask, and each task's result.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

URL = os.environ.get("ENGINE_URL") or "http://127.0.0.1:8003"
SILENT_SECONDS = 60
"""A stream on which nothing comes for so long is dead: the engine gives a sign of life every 15 s."""
ROWS = [{"city": "Bern", "count": 40}, {"city": "Bern", "count": 2}, {"city": "Genf", "count": 7}]
TASKS: dict[str, Any] = {
    "sentence": {"description": "Calculate factorial of 10"},
    "typed": {
        "type": "data_processing",
        "input": {"data": ROWS},
        "parameters": {"group_by": ["city"], "aggregate": {"total": "sum(count)"}},
    },
    "plan": {
        "plan": {
            "subtasks": [
                {"key": "product", "type": "calculate", "input": {"expression": "6 * 7"}},
                {"key": "answer", "type": "noop", "input": "The answer is {{subtasks.product.output.value}}."},
            ]
        }
    },
}


def ask(path: str, body: object = None) -> Any:
    """The answer to a GET, or to a POST of ``body``."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SILENT_SECONDS) as answer:
        return json.load(answer)


def wait(task_id: str) -> None:
    """Follows the task's events to the last one."""
    request = urllib.request.Request(f"{URL}/tasks/{task_id}/events", headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(request, timeout=SILENT_SECONDS) as stream:
        if not any(line == b"event: end\n" for line in stream):
            raise OSError(f"the events of task {task_id} broke off")


def told(name: str, body: object) -> tuple[bool, str]:
    """Whether the task has completed, and what to print about it."""
    task_id = ask("/tasks", body)["task_id"]
    wait(task_id)
    task = ask(f"/tasks/{task_id}")["task"]
    lines = [f"{name}: {task['status']}, task {task_id}, result {json.dumps(task['result'])}"]
    for subtask in ask(f"/tasks/{task_id}/subtasks?limit=100")["subtask_results"]:
        attempts = ask(f"/tasks/{task_id}/subtasks/{subtask['key']}")["attempts"]
        who = ", ".join(f"{subtask['agent_id'] or attempt['ran_on']} ({attempt['outcome']})" for attempt in attempts)
        lines.append(f"  {subtask['key']:<12} {subtask['type']:<16} {subtask['status']:<10} {who or 'nobody'}")
    return task["status"] == "completed", "\n".join(lines)


def main() -> int:
    """Three tasks side by side; the exit code."""
    try:
        with ThreadPoolExecutor(len(TASKS)) as beside:
            results = list(beside.map(told, TASKS, TASKS.values()))
    except urllib.error.HTTPError as error:
        print(f"{URL} answered {error.code}: {error.read().decode(errors='replace')[:2000]}", file=sys.stderr)
        return 1
    except (OSError, http.client.HTTPException) as error:
        print(f"{URL} gives no answer ({error}): start one, or set ENGINE_URL", file=sys.stderr)
        return 3
    print("\n".join(text for _, text in results))
    return 0 if all(completed for completed, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
