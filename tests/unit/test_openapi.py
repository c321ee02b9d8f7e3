"""The OpenAPI document: complete, with an example for whatever is sent, and as the file that reviews look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.app import document
from api.schemas import Problem

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
WITHOUT_BODY = {"get", "delete"}


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return json.loads(json.dumps(document()))  # type: ignore[no-any-return]


def _operations(api: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, found) for path, methods in api["paths"].items() for method, found in methods.items()]


def test_the_file_is_what_the_api_says(api: dict[str, Any]) -> None:
    """A change of the API is a change of this file, so that a review sees it."""
    assert json.loads(FILE.read_text("utf-8")) == api, (
        "the API has changed: run `make openapi` and look at the difference"
    )


def test_every_operation_has_its_words_and_a_name_of_its_own(api: dict[str, Any]) -> None:
    operations = [operation for _, _, operation in _operations(api)]
    tags = {tag["name"] for tag in api["tags"]}
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert {tag for operation in operations for tag in operation["tags"]} == tags


def test_every_body_has_an_example(api: dict[str, Any]) -> None:
    for method, path, operation in _operations(api):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        assert (method in WITHOUT_BODY) or body.get("examples") or "example" in body, path
    submit = api["paths"]["/tasks"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    forms = {"plan", "description", "type"}
    assert {next(iter(forms & set(example["value"]))) for example in submit.values()} == forms


def test_every_error_is_a_problem_with_an_example_and_none_is_422(api: dict[str, Any]) -> None:
    for _, path, operation in _operations(api):
        for status, response in operation["responses"].items():
            assert status != "422"
            if int(status) >= 400 and (path, status) != ("/health", "503"):
                assert response == {"$ref": f"#/components/responses/Problem{status}"}, path
    for name, response in api["components"]["responses"].items():
        example = response["content"]["application/problem+json"]["example"]
        assert Problem.model_validate(example, strict=False).status == int(name.removeprefix("Problem"))
        assert ("Retry-After" in response.get("headers", {})) == (example["status"] in (429, 503))


def test_what_is_unsafe_may_be_refused_and_whatever_has_a_body_may_not_be_acceptable(api: dict[str, Any]) -> None:
    for method, path, operation in _operations(api):
        assert ("403" in operation["responses"]) == (method != "get" or bool(operation["security"])), path
        assert ("401" in operation["responses"]) == bool(operation["security"]) == ("x-scope" in operation), path
        assert ("406" in operation["responses"]) == ("204" not in operation["responses"]), path
        assert ("413" in operation["responses"]) == ("415" in operation["responses"]) == ("requestBody" in operation), (
            path
        )


def test_a_problem_has_no_member_that_is_not_documented() -> None:
    with pytest.raises(ValidationError):
        Problem.model_validate_json(
            '{"type": "a", "title": "b", "status": 1, "detail": "c", "instance": "d", "more": 1}'
        )
