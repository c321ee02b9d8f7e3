"""Plans that nobody runs yet."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import present, schemas
from api.access import Caller
from api.body import read_task
from api.openapi import plan_body, problems
from api.raw import document_of, json_response
from api.routes import TheEngine, TheSettings

router = APIRouter(tags=["plans"])


@router.post(
    "/plans/preview",
    response_model=None,
    openapi_extra=plan_body(),
    responses=problems(400, 413, 415) | document_of(schemas.PlanPreview),
)
async def preview_plan(request: Request, engine: TheEngine, settings: TheSettings) -> Response:
    """What a body of ``POST /tasks`` would become: generations, critical path, width. Nothing is stored."""
    body = await read_task(request, settings.max_body_bytes)
    seen = await engine.preview({} if body is None else body)
    view = present.planned(seen.pop("origin"))
    shown = None if view is None else view.model_dump()
    return json_response(seen | {"planned": shown})


@router.get("/templates", responses=problems(503))
async def list_templates(engine: TheEngine, caller: Caller) -> schemas.Templates:
    """The plan templates of TEMPLATES_PATH, to be sent as ``template`` and ``parameters``; and plans that worked, which
    the key of one user does not see: they hold what others have asked for.
    """
    found = present.templates(await engine.templates())
    return found.model_copy(update={"learned": []}) if caller and caller.user_id else found
