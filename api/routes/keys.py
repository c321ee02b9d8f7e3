"""The keys of the API. The first one is made on the machine of the server; from then on an admin makes them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api import schemas
from api.access import Subject
from api.key_view import created_view, key_view
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body

router = APIRouter(prefix="/keys", tags=["keys"])


class NewKey(VerbBody):
    """A key that is to be made."""

    subject: str = Field(min_length=1, max_length=100)
    """Who has it: named in the events that they cause."""
    scopes: list[str] = Field(min_length=1, max_length=5)
    """What they may do: read, submit, operate, approve; admin for everything."""
    user_id: str = Field("", max_length=200)
    """The only user whose tasks they may submit and run again; empty for any."""


EXAMPLE = {"subject": "ci", "scopes": ["read", "submit"]}


@router.post("", openapi_extra=body_of(NewKey, EXAMPLE), responses=problems(400, 413, 415, 503))
async def create_key(request: Request, engine: TheEngine, settings: TheSettings, by: Subject) -> schemas.CreatedKey:
    """Makes a key. It is in this answer and nowhere else; only its hash is kept.

    The first key needs the scope admin, and is made without one from the machine of the server; from then on every
    request needs one.
    """
    asked = await read_body(request, NewKey, settings.max_body_bytes)
    made, text = await engine.keyring.create(asked.subject, asked.scopes, asked.user_id, by)
    return created_view(made, text)


@router.get("", responses=problems(503))
async def list_keys(engine: TheEngine) -> schemas.Keys:
    """The keys that there are, oldest first, those that are revoked too; none of them is shown."""
    return schemas.Keys(keys=[key_view(key) for key in engine.keyring.keys])


@router.delete("/{key_id}", status_code=204, responses=problems(404, 503))
async def revoke_key(engine: TheEngine, key_id: str, by: Subject) -> Response:
    """Makes a key of no use, for good: here at once, at other servers within a few seconds."""
    await engine.keyring.revoke(key_id, by)
    return Response(status_code=204)
