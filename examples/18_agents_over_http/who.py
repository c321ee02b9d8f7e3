"""Says who has run each subtask of the newest task: an agent, or the engine itself."""

import json
import os
import urllib.request


def get(path: str) -> dict:
    with urllib.request.urlopen(os.environ["ENGINE_URL"] + path) as answer:
        return json.load(answer)


task = get("/tasks?limit=1")["tasks"][0]
for subtask in get(f"/tasks/{task['id']}/subtasks")["subtask_results"]:
    print(subtask["key"], subtask["status"], "by", subtask["agent_id"] or "the engine")
