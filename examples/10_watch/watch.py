"""Hands a task to a server and follows it live, with nothing but Python: Server-Sent Events over REST.

A line of a stream is "name: value", an empty line ends a message. When the connection breaks, the stream is asked for
again from the last number that has come, so nothing is missed and nothing comes twice.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

URL = os.environ.get("ENGINE_URL", "http://127.0.0.1:8003")


def post(path: str, body: bytes) -> Any:
    """Sends a JSON body and returns the answer."""
    with urlopen(Request(URL + path, body, {"Content-Type": "application/json"}), timeout=60) as answer:
        return json.load(answer)


def messages(path: str) -> Iterator[tuple[str, Any]]:
    """Name and data of each message of one connection."""
    name, data = "message", ""
    with urlopen(Request(URL + path, headers={"Accept": "text/event-stream"}), timeout=45) as stream:
        for raw in stream:
            field, _, value = raw.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data = value
            elif not field and data:
                yield name, json.loads(data)
                name, data = "message", ""


def events(task_id: str) -> Iterator[dict[str, Any]]:
    """Every event of a task, once and in order, however often the connection breaks."""
    seen = 0
    while True:
        try:
            for name, data in messages(f"/tasks/{task_id}/events?after={seen}"):
                if name == "end":
                    return
                if name == "message":
                    seen = data["seq"]
                    yield data
        except (TimeoutError, ConnectionError, HTTPException):
            continue


def main() -> None:
    """Prints what happens to the task in the file that is named."""
    task_id = post("/tasks", Path(sys.argv[1]).read_bytes())["task_id"]
    for event in events(task_id):
        print(event["seq"], event["key"] or "task", event["to"])


main()
