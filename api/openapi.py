"""What FastAPI writes into ``/openapi.json``, mended: problems instead of its own 422, and an example for each body and
each error.
"""

from __future__ import annotations

from typing import Any

from api.access import NO_KEY, scope_of
from api.problems import MEDIA_TYPE
from api.schemas import Problem
from engine.keys.key import Scope

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
    401: "The server asks for a key, and there is none or no good one",
    403: "The key lacks the scope that is needed, it is for somebody else to do, or a page of another site asked",
    404: "Nothing has that id",
    406: "The answer has no form that Accept names",
    409: "The current state does not allow that",
    413: "The body is too large",
    415: "The body is in another form than JSON, or compressed",
    429: "There is too much to do already, or the key has sent too many requests; Retry-After says when to try again",
    500: "A fault of the engine; its log says more under the request's id",
    503: "The graph does not answer; Retry-After says when to try again",
}
_EXAMPLES: dict[int, dict[str, Any]] = {
    400: {
        "type": "invalid-input",
        "title": "The input has faults",
        "detail": "the input has 1 fault(s): /plan/subtasks/0/type: there is no type 'htp_request'; did you mean "
        "'http_request'?",
        "errors": [
            {
                "pointer": "/plan/subtasks/0/type",
                "detail": "there is no type 'htp_request'; did you mean 'http_request'?",
            }
        ],
    },
    401: {"type": "unauthorized", "title": "A key is needed", "detail": NO_KEY},
    403: {
        "type": "missing-scope",
        "title": "The key is not good for that",
        "detail": "this needs the scope operate; the key of ci has read, submit: take another key",
    },
    404: {
        "type": "not-found",
        "title": "Nothing has that id",
        "detail": "no task has the id '01KAJ7M2Q8Z5T3V9W4X6Y7B8C9': GET /tasks lists the tasks of this namespace",
    },
    406: {
        "type": "not-acceptable",
        "title": "The answer has no form that the caller takes",
        "detail": "This is served as application/json; name one of them in Accept, or leave it out.",
    },
    409: {
        "type": "conflict",
        "title": "The current state does not allow that",
        "detail": "the task is completed and cannot be cancelled; it may be rerun or removed",
        "state": "completed",
        "legal_moves": ["rerun", "remove"],
    },
    413: {
        "type": "too-large",
        "title": "The input is too large",
        "detail": "the body is larger than 67,108,864 bytes; split the plan, or raise MAX_BODY_BYTES",
    },
    415: {
        "type": "unsupported-media-type",
        "title": "The body is in another form than JSON",
        "detail": "Send the body with the header Content-Type: application/json.",
    },
    429: {
        "type": "busy",
        "title": "The engine is full",
        "detail": "the engine holds 1,000,000 unsettled subtasks, as many as it may; send the task again later",
    },
    500: {
        "type": "internal",
        "title": "Something went wrong inside",
        "detail": "This is a fault of the engine. Its log has the reason under 5f0c6a3e9d2b4c1a8e7f6d5c4b3a2910.",
    },
    503: {
        "type": "graph-unavailable",
        "title": "The graph does not answer",
        "detail": "Neo4j at bolt://127.0.0.1:7687 does not answer",
    },
}
_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}, "example": 5}
}
_CHALLENGE: dict[str, Any] = {
    "WWW-Authenticate": {
        "description": "What kind of key is wanted, and what was wrong with the one that came.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="agent03"',
    }
}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, as Authorization: Bearer KEY."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in its own header."},
}
"""How a key is sent. Nobody is asked for one until the first key exists."""
INSTANCE = "5f0c6a3e9d2b4c1a8e7f6d5c4b3a2910"
TAGS = {
    "tasks": "Submit, list, look, remove.",
    "subtasks": "What is inside a task.",
    "live": "What happens, as it happens.",
    "answers": "Why, what came of it, what was different.",
    "control": "What a person may do to a task.",
    "recall": "Taking outputs back.",
    "sharing": "Files and values that the agents of a task share.",
    "plans": "Plans that nobody runs yet.",
    "tools": "What subtasks can be made of.",
    "graph": "The graph itself, in Cypher that only reads.",
    "cache": "Outputs that are used again.",
    "knowledge": "What was measured and learned, and what outputs and files say.",
    "agents": "Agents in other processes that run subtasks.",
    "keys": "Who may ask.",
    "health": "How the engine is.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer with these errors."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    told = _EXAMPLES[status]
    example = {**told, "type": f"urn:agent03:problem:{told['type']}", "status": status, "instance": INSTANCE}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    headers = {"headers": _RETRY_AFTER} if status in (429, 503) else {}
    headers |= {"headers": _CHALLENGE} if status in (401, 403) else {}
    return {"description": _TITLES[status], "content": content, **headers}


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
    """Drops the framework's 422, says what any operation may answer, and adds the schemas that only we refer to;
    ``request`` is that of ``TaskRequest``.
    """
    document["servers"] = [{"url": "/", "description": "The engine that serves this document."}]
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    for path in document["paths"].values():
        for method, operation in path.items():
            _mend_operation(method, operation["responses"], scope_of(operation["operationId"]))
            _say_who_may(operation, scope_of(operation["operationId"]))
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["components"]["securitySchemes"] = SCHEMES
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    document["components"]["responses"] = {f"Problem{status}": _problem(status) for status in _TITLES}
    for name, schema in (("Problem", Problem.model_json_schema(ref_template=_REF)), ("TaskRequest", request)):
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    return document


def _say_who_may(operation: dict[str, Any], scope: Scope | None) -> None:
    """The ways to send a key, and the scope that it has to have."""
    operation["security"] = [{name: []} for name in SCHEMES] if scope else []
    if scope:
        operation["x-scope"] = scope.value


def _mend_operation(method: str, responses: dict[str, Any], scope: Scope | None) -> None:
    responses.pop("422", None)
    common = (500,) if "204" in responses else (406, 500)
    if scope:
        common = (*common, 401, 403, 429)
    for status in (*common, *(() if method == "get" else (403,))):
        responses.setdefault(str(status), _problem(status))
    for status, response in responses.items():
        if MEDIA_TYPE in response.get("content", {}):
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}


_REF = "#/components/schemas/{model}"
