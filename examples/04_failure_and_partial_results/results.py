"""Prints what became of each subtask, from the JSON of ``agent03 run --json`` (or of ``GET /tasks/{id}``) on stdin."""

from __future__ import annotations

import json
import sys

for subtask in json.load(sys.stdin)["subtask_results"]:
    error = subtask["error"]
    what = f"{error['category']}: {error['message']}" if error else json.dumps(subtask["output"])
    print(f"{subtask['key']:<11}{subtask['status']:<10} {what}")
