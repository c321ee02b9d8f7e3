"""What agents share that work on one task: the files of its folder, and values for a time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.schemas.sharing import FileContent, FileWritten, SharedValue, SharedValueSet
from api.verbs import VerbBody, body_of, read_body
from engine.errors import NotFound
from engine.tools.read_file import MAX_FILE_BYTES, ReadFileInput
from engine.tools.write_file import WriteFileInput

router = APIRouter(prefix="/tasks/{task_id}", tags=["sharing"])

LONGEST_SECONDS = 7 * 86_400.0
FileName = Annotated[
    str, Path(min_length=1, max_length=4096, description="Where in the task's folder, such as notes/plan.md.")
]
ValueName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,199}$", description="Its name.")]


class FileForm(BaseModel):
    """How to read a file."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    encoding: Literal["utf-8", "base64"] = "utf-8"
    """base64 for what is no text."""
    max_bytes: int = Field(1024 * 1024, ge=1, le=MAX_FILE_BYTES)
    """A larger file is refused."""


class FileSent(VerbBody):
    """A file to write."""

    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"
    """base64: ``content`` is base64 text of the bytes to write."""
    overwrite: bool = True
    """False: an existing file is refused."""


class ValueSent(VerbBody):
    """A value to share."""

    value: Any
    """Any JSON, up to 64 KiB."""
    ttl_seconds: float = Field(3600.0, ge=1, le=LONGEST_SECONDS)
    """How long it stays."""


@router.get("/files/{name:path}", responses=problems(400, 404, 503))
async def read_task_file(
    engine: TheEngine, task_id: str, name: FileName, wanted: Annotated[FileForm, Query()]
) -> FileContent:
    """A file of the task's own folder, ``TASK_ID`` below the first of FILE_ROOTS. Nothing outside of it is reached."""
    asked = ReadFileInput(path=name, encoding=wanted.encoding, max_bytes=wanted.max_bytes)
    return FileContent(**await engine.read_file(task_id, asked))


@router.put(
    "/files/{name:path}",
    responses=problems(400, 403, 404, 409, 413, 415, 503),
    openapi_extra=body_of(FileSent, {"content": "# Plan\n"}),
)
async def write_task_file(
    request: Request, engine: TheEngine, settings: TheSettings, task_id: str, name: FileName
) -> FileWritten:
    """Writes a file into the folder of an open task, whole and at once; missing folders are made. What was there
    before is kept for undoing.
    """
    sent = await read_body(request, FileSent, settings.max_body_bytes)
    return FileWritten(**await engine.write_file(task_id, WriteFileInput(path=name, **sent.model_dump())))


@router.get("/state/{name}", responses=problems(400, 404, 503))
async def get_shared_value(engine: TheEngine, task_id: str, name: ValueName) -> SharedValue:
    """A value that was put there, until its time is over."""
    found, value = await engine.shared.get((await engine.task(task_id)).id, name)
    if not found:
        raise NotFound(f"task {task_id} shares no value {name!r}: its time is over, or nobody has put it there yet")
    return SharedValue(name=name, value=value)


@router.put(
    "/state/{name}",
    responses=problems(400, 403, 404, 413, 415, 503),
    openapi_extra=body_of(ValueSent, {"value": {"claimed_by": "agent-1"}, "ttl_seconds": 600}),
)
async def set_shared_value(
    request: Request, engine: TheEngine, settings: TheSettings, task_id: str, name: ValueName
) -> SharedValueSet:
    """Puts a value that whoever works on the task can read, in place of the one that is there. The last one counts."""
    sent = await read_body(request, ValueSent, settings.max_body_bytes)
    await engine.shared.set((await engine.task(task_id)).id, name, sent.value, sent.ttl_seconds)
    return SharedValueSet(name=name, ttl_seconds=sent.ttl_seconds)
