"""A running server as the command line sees it: typed answers, and every failure one line with its exit code."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec
from pydantic import BaseModel, ValidationError

from api import schemas
from api.cli.exits import FAILED, UNREACHABLE, USAGE, Stop
from engine.errors import Fault, InvalidInput
from engine.model import Json

Model = TypeVar("Model", bound=BaseModel)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
"""A large plan is checked and stored before it is answered."""
SILENT_SECONDS = 45.0
"""A stream on which nothing comes for so long is dead: the server gives a sign of life every 15 s."""
CODES = {429: UNREACHABLE, 503: UNREACHABLE} | dict.fromkeys((400, 404, 405, 413, 415), USAGE)
"""What was wrong with the question is usage, what may pass is unreachable, anything else has failed."""


def through_proxy(url: str) -> bool:
    """Whether a proxy of the environment may be used: it leads to the network, not to this machine."""
    return urlsplit(url).hostname not in LOOPBACK


def tls(url: str) -> ssl.SSLContext:
    """How the server is verified; reading whom this system trusts takes longer than an answer, so only where needed."""
    return httpx2.create_ssl_context() if urlsplit(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Unanswered(Stop):
    """The request went out and no answer came back: it may have been carried out."""


class Client:
    """A connection to the server at ``url``, which is shown a ``key`` if there is one; use it as a context.

    Every method raises ``Stop``: exit code 3 when nobody answers, 2 when the server finds fault with what was asked,
    1 when it refuses.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        shown = {"Authorization": f"Bearer {key}"} if key else {}
        proxy, limits = through_proxy(url), httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._http = httpx2.Client(base_url=url, timeout=limits, trust_env=proxy, verify=tls(url), headers=shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def get(self, model: type[Model], path: str, **parameters: str | int | None) -> Model:
        """What stands at ``path``; a parameter of None is left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._read(model, self._send("GET", path, params=given))

    def text(self, path: str, media_type: str) -> str:
        """What stands at ``path`` in another form than JSON."""
        response = self._send("GET", path, headers={"Accept": media_type})
        self._expect(response, media_type)
        return response.text

    def post(
        self, model: type[Model], path: str, body: Json = None, headers: dict[str, str] | None = None
    ) -> tuple[Model, httpx2.Headers]:
        """The answer to ``body``, and its headers."""
        sent = {} if body is None else {"content": msgspec.json.encode(body)}
        typed = {} if body is None else {"Content-Type": "application/json"}
        response = self._send("POST", path, headers=(headers or {}) | typed, **sent)
        return self._read(model, response), response.headers

    def delete(self, path: str) -> bool:
        """Removes what stands at ``path``; whether all of it is gone."""
        return self._send("DELETE", path).status_code == 204

    def stream(self, path: str, media_type: str, headers: dict[str, str]) -> Iterator[bytes]:
        """The pieces of an answer that goes on, as they come."""
        limits = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        given = headers | {"Accept": media_type}
        with self._reached(), self._http.stream("GET", path, headers=given, timeout=limits) as response:
            if response.status_code >= 400:
                response.read()
                raise self._refusal(response)
            self._expect(response, media_type)
            yield from response.iter_raw()

    def _send(self, method: str, path: str, **options: Json) -> httpx2.Response:
        with self._reached():
            response = self._http.request(method, path, **options)
        if response.status_code >= 400:
            raise self._refusal(response)
        return response

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Says of whatever comes between us and the server what it is and what to do."""
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            advice = "start one with 'agent03 serve', or set ENGINE_URL"
            raise Stop(f"no server answers at {self.url} ({_reason(error)}): {advice}", UNREACHABLE) from None
        except (httpx2.RequestError, httpx2.StreamError) as error:
            raise Unanswered(f"{self.url} gave no answer: {_reason(error)}", UNREACHABLE) from None

    def _expect(self, response: httpx2.Response, media_type: str) -> None:
        if not response.headers.get("content-type", "").startswith(media_type):
            raise self._stranger("its answer has another form")

    def _refusal(self, response: httpx2.Response) -> Stop | InvalidInput:
        try:
            problem = schemas.Problem.model_validate_json(response.content, extra="ignore")
        except ValidationError:
            return self._stranger(f"it answered with status {response.status_code}")
        placed = [fault for fault in problem.errors if fault.pointer]
        if (
            placed
            and response.request.method == "POST"
            and response.request.url.path.endswith(("/tasks", "/rerun", "/recall", "/preview"))
        ):
            return InvalidInput([Fault(fault.pointer or "", fault.detail) for fault in problem.errors])
        return Stop(problem.detail, CODES.get(response.status_code, FAILED))

    def _read(self, model: type[Model], response: httpx2.Response) -> Model:
        try:
            return model.model_validate_json(response.content, extra="ignore")
        except ValidationError:
            raise self._stranger("its answer has another form") from None

    def _stranger(self, why: str) -> Stop:
        advice = "correct ENGINE_URL, or install the server's version"
        return Stop(f"what listens at {self.url} is no agent03 server of this version ({why}): {advice}", UNREACHABLE)


def place_of(task_id: str, key: str | None = None) -> str:
    """The path of a task, or of one of its subtasks."""
    path = f"/tasks/{quote(task_id, safe='')}"
    return path if key is None else f"{path}/subtasks/{quote(key, safe='')}"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
