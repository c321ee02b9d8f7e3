"""The bodies of the verbs: small models, checked as strictly as a plan, with every fault named."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from api.body import read_json
from engine.docstrings import described
from engine.model import Json
from engine.plan.faults import Faults

Body = TypeVar("Body", bound=BaseModel)
LONGEST_SECONDS = 10 * 366 * 86_400.0


class VerbBody(BaseModel):
    """Base of the bodies: strict, and without fields that are not declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", json_schema_extra=described)


class Nothing(VerbBody):
    """No body, or an empty one."""


class Pause(VerbBody):
    """How a task is to pause."""

    mode: Literal["drain", "now"] = "drain"
    """``drain`` lets what runs end; ``now`` stops it and puts it back, which spends no attempt."""
    timeout_seconds: float | None = Field(None, gt=0, le=LONGEST_SECONDS)
    """When the pause ends by itself; null waits for somebody to resume."""
    on_timeout: Literal["resume", "cancel"] = "resume"
    """What happens then."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Pause:
        if "on_timeout" in self.model_fields_set and self.timeout_seconds is None:
            raise ValueError("on_timeout needs timeout_seconds")
        return self


class Decision(VerbBody):
    """What a person says to a subtask that waits for approval."""

    comment: str = Field("", max_length=1000)
    """Kept in the events, and of a rejection in the subtask's error."""


class Approval(Decision):
    """The same where it may run: what is to be different in its input."""

    input: dict[str, Any] | None = None
    """Fields that are put into its resolved input; it runs with them, and the verdict holds for that."""


async def read_body(request: Request, model: type[Body], limit: int) -> Body:
    """The body as ``model``, which is built from nothing when there is no body; raises ``InvalidInput``."""
    sent = await read_json(request, limit)
    raw = {} if sent is None else sent
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults = Faults()
        faults.add_shape("", raw, error, [field.alias or name for name, field in model.model_fields.items()])
        faults.raise_any()
        raise


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without definitions of its own: inside the document its references would lead nowhere."""
    parts = schema.pop("$defs", {})

    def put(value: Json) -> Json:
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).removeprefix("#/$defs/")
            rest = {key: put(one) for key, one in value.items() if key != "$ref"}
            return put(parts[name]) | rest if name in parts else rest
        return [put(one) for one in value] if isinstance(value, list) else value

    inlined: dict[str, Any] = put(schema)
    return inlined


def body_of(model: type[BaseModel], example: Json) -> dict[str, Any]:
    """The ``openapi_extra`` of a route with such a body."""
    content = {"application/json": {"schema": _inlined(model.model_json_schema()), "example": example}}
    needed = any(field.is_required() for field in model.model_fields.values())
    return {"requestBody": {"required": needed, "content": content}}
