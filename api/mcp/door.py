"""The REST API as the tools of MCP reach it: JSON in and out, and every refusal an error that says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx2
import msgspec
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError
from starlette.requests import Request

from api.cli.client import ANSWER_SECONDS, CONNECT_SECONDS, SILENT_SECONDS, through_proxy, tls
from api.cli.sse import Message, Reader
from api.mcp.inside import Inside
from api.schemas import Problem

PASSED_ON = ("authorization", "x-api-key", "traceparent")
"""Headers of whoever asks over HTTP: the routes judge them as if he had asked himself."""
HERE = "http://agent03"
SHOWN_FAULTS = 20


class Door:
    """One way to the API; use it as a context."""

    def __init__(self, http: httpx2.AsyncClient, named: str) -> None:
        self._http = http
        self._named = named

    @classmethod
    def of_server(cls, url: str, headers: Mapping[str, str]) -> Self:
        """To the server at ``url``; ``headers`` go with every request."""
        limits = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        proxy = through_proxy(url)
        http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=limits, trust_env=proxy, verify=tls(url))
        return cls(http, url)

    @classmethod
    def inside(cls, request: Request) -> Self:
        """To the application that has got ``request``, in the name of whoever sent it."""
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        client = request.client or ("127.0.0.1", 0)
        return cls.to_application(request.app, headers, (client[0], client[1]))

    @classmethod
    def to_application(
        cls, app: Any, headers: Mapping[str, str] | None = None, client: tuple[str, int] = ("127.0.0.1", 0)
    ) -> Self:
        """To an application of this process."""
        given = {**(headers or {}), "Accept-Encoding": "identity"}
        return cls(httpx2.AsyncClient(transport=Inside(app, client), base_url=HERE, headers=given, timeout=None), HERE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str, **parameters: str | int | None) -> dict[str, Any]:
        """What stands at ``path``; a parameter of None is left out. Raises ``ToolError``."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self._ask("GET", path, params=given)

    async def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to ``body``. Raises ``ToolError``."""
        content = {} if body is None else {"content": msgspec.json.encode(body)}
        typed = {} if body is None else {"Content-Type": "application/json"}
        return await self._ask(method, path, headers={**(headers or {}), **typed}, **content)

    async def messages(self, path: str, after: int) -> AsyncIterator[Message]:
        """What a stream of events says, until it ends. Raises ``ToolError``."""
        reader = Reader()
        limits = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        headers = {"Accept": "text/event-stream"}
        with self._reached():
            async with self._http.stream(
                "GET", path, params={"after": after, "lag": "snapshot"}, headers=headers, timeout=limits
            ) as answer:
                if answer.status_code >= 400:
                    raise ToolError(_told(await answer.aread(), answer.status_code))
                async for piece in answer.aiter_raw():
                    for message in reader.feed(piece):
                        yield message

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        with self._reached():
            answer = await self._http.request(method, path, **options)
        if answer.status_code >= 400:
            raise ToolError(_told(answer.content, answer.status_code))
        found = msgspec.json.decode(answer.content) if answer.content else {}
        return found if isinstance(found, dict) else {"answer": found}

    @contextlib.contextmanager
    def _reached(self) -> Any:
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise ToolError(
                f"No engine answers at {self._named}: start one with 'agent03 serve', or set ENGINE_URL."
            ) from None
        except (httpx2.RequestError, httpx2.StreamError) as error:
            raise ToolError(
                f"{self._named} gave no answer ({type(error).__name__}); look again before you repeat it."
            ) from None


def place_of(task_id: str, *further: str) -> str:
    """The path of something of a task. Raises ``ToolError`` for what an address takes for a way up."""
    for part in (task_id, *further):
        if part in (".", ".."):
            raise ToolError(f"{part!r} names nothing here: no task, no subtask, no file in a task's folder.")
    return "/".join(["/tasks", quote(task_id, safe=""), *(quote(part, safe="") for part in further)])


def _told(content: bytes, status: int) -> str:
    """A problem in words: what to do, and each fault with its place."""
    try:
        problem = Problem.model_validate_json(content, extra="ignore")
    except ValidationError:
        return f"What answers is no agent03 server of this version (status {status}): correct ENGINE_URL."
    faults = [f"{fault.pointer or fault.parameter or '/'}: {fault.detail}" for fault in problem.errors]
    if not faults:
        return problem.detail
    more = [f"and {len(faults) - SHOWN_FAULTS} more"] if len(faults) > SHOWN_FAULTS else []
    return "\n".join(["The input has faults; nothing was done. Mend each:", *faults[:SHOWN_FAULTS], *more])
