"""Taking outputs back, with everything that was derived from them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, Field

from api import recalls
from api.access import Subject
from api.idempotency import IdempotencyKey
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body
from engine.recall import Wish

router = APIRouter(tags=["recall"])


class Recall(VerbBody):
    """Which outputs are not to be believed any more; of several fields all must hold, and one must be named."""

    result: str = Field("", max_length=64)
    """The hash of an output: ``output_hash`` of a subtask."""
    subtask: str = Field("", max_length=300)
    """A subtask: its id, or ``TASK/KEY``."""
    type: str = Field("", max_length=200)
    """What a subtask type has produced; with ``version`` that version of its tool alone."""
    version: str = Field("", max_length=200)
    since: AwareDatetime | None = Field(None, alias="from", strict=False)
    """What was produced at this time or later."""
    until: AwareDatetime | None = Field(None, strict=False)
    """What was produced before this time."""
    dry_run: bool = True
    """Only says what would happen; nothing is changed."""
    reason: str = Field("", max_length=1000)
    """Kept with the pause of open tasks."""

    def wish(self) -> Wish:
        """What the engine is asked for."""
        since, until = (round(1000 * at.timestamp()) if at else 0 for at in (self.since, self.until))
        return Wish(self.result, self.subtask, self.type, self.version, since, until)


@router.post(
    "/recall",
    openapi_extra=body_of(Recall, {"type": "http_request", "from": "2026-11-21T00:00:00Z", "dry_run": True}),
    responses=problems(400, 404, 409, 413, 415, 503),
)
async def recall_outputs(
    request: Request, engine: TheEngine, settings: TheSettings, key: IdempotencyKey, by: Subject
) -> recalls.RecallAnswer:
    """Finds what was derived from some outputs, in any task. With ``dry_run: false`` drops it from the cache, holds the
    open tasks that have used it, and runs the final ones again as new tasks, as far as outputs really change.
    """
    asked = await read_body(request, Recall, settings.max_body_bytes)
    found = await engine.recall(asked.wish(), dry_run=asked.dry_run, reason=asked.reason, key=key, by=by)
    return recalls.view(found, dry_run=asked.dry_run)
