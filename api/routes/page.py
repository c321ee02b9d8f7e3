"""The page at ``/``: files of this package, served as they are, with rules that let it load and run nothing else."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
"""The page shows what users wrote. Were any of it taken for markup, the browser would still run nothing of it."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""A browser keeps the files and asks each time whether they have changed: after an update nothing is mixed."""
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@router.get("/")
async def get_page(request: Request) -> Response:
    """The page."""
    return _file(request, "index.html")


@router.get("/page/{name:path}")
async def get_page_file(request: Request, name: str) -> Response:
    """A file of the page."""
    return _file(request, name)


def _file(request: Request, name: str) -> Response:
    found = page_files().get(name)
    if found is None:
        raise HTTPException(404, "The page has no such file.")
    content, tag = found
    headers = {**HEADERS, "ETag": tag}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[name.rpartition(".")[2]])


@cache
def page_files() -> dict[str, tuple[bytes, str]]:
    """By path every file of the page, with its entity tag. Read once: they are small, and belong to this version."""
    return dict(_found(files("api") / "page", ""))


def _found(folder: Traversable, under: str) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _found(entry, f"{under}{entry.name}/")
        elif entry.name.rpartition(".")[2] in MEDIA_TYPES:
            content = entry.read_bytes()
            found.append((under + entry.name, (content, f'"{hashlib.sha256(content).hexdigest()[:20]}"')))
    return found
