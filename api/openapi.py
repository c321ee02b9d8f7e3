"""What FastAPI writes into ``/openapi.json``, mended: problems instead of its own 422, and the task body's examples."""

from __future__ import annotations

from typing import Any

from api.problems import MEDIA_TYPE
from api.schemas import Problem

PLAN_EXAMPLE: dict[str, Any] = {
    "name": "word count",
    "plan": {
        "subtasks": [
            {"key": "fetch", "type": "http_request", "input": {"url": "https://example.org/"}},
            {
                "key": "count",
                "type": "python",
                "input": {"code": "result = len(text.split())", "inputs": {"text": "{{subtasks.fetch.output.body}}"}},
                "dependencies": ["fetch"],
            },
        ]
    },
}
MAP_EXAMPLE: dict[str, Any] = {
    "name": "squares",
    "plan": {
        "subtasks": [
            {"key": "numbers", "type": "noop", "input": [1, 2, 3]},
            {
                "key": "square",
                "type": "calculate",
                "map": {"over": "{{subtasks.numbers.output}}"},
                "input": {"expression": "n ** 2", "variables": {"n": "{{item}}"}},
                "dependencies": ["numbers"],
            },
            {"key": "all", "type": "noop", "input": "{{previous_output}}", "dependencies": ["square"]},
        ]
    },
}

YAML_EXAMPLE = """name: the answer
plan:
  subtasks:
    - {key: answer, type: calculate, input: {expression: 6 * 7}}
"""

TYPED_EXAMPLE: dict[str, Any] = {
    "type": "data_processing",
    "input": {"data": [{"city": "Bern", "amount": 12}, {"city": "Genf", "amount": 7}, {"city": "Bern", "amount": 3}]},
    "parameters": {"filter": "amount > 5", "group_by": ["city"], "aggregate": {"total": "sum(amount)"}},
}

_TITLES = {
    400: "The input has faults; all of them are listed",
    404: "Nothing has that id",
    409: "The current state does not allow that",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    429: "The engine is full; Retry-After says when to try again",
    503: "The graph does not answer",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer with these errors."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {status: {"description": _TITLES[status], "content": content} for status in statuses}


def plan_body() -> dict[str, Any]:
    """The request body of a task: documented here, judged by the engine, which names every fault at once."""
    examples = {
        "plan": {"summary": "Two steps, the second uses the first", "value": PLAN_EXAMPLE},
        "sentence": {"summary": "A sentence", "value": {"description": "Calculate factorial of 10"}},
        "typed": {"summary": "A typed task, planned by strategy", "value": TYPED_EXAMPLE},
        "map": {"summary": "One subtask for each item of a list", "value": MAP_EXAMPLE},
    }
    content = {"schema": {"$ref": "#/components/schemas/TaskRequest"}, "examples": examples}
    written = {"schema": content["schema"], "example": YAML_EXAMPLE}
    return {"requestBody": {"required": True, "content": {"application/json": content, "application/yaml": written}}}


def mend(document: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Drops the framework's 422 and adds the schemas that only we refer to; ``request`` is that of ``TaskRequest``."""
    for path in document["paths"].values():
        for operation in path.values():
            operation.get("responses", {}).pop("422", None)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for name, schema in (("Problem", Problem.model_json_schema(ref_template=_REF)), ("TaskRequest", request)):
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    return document


_REF = "#/components/schemas/{model}"
