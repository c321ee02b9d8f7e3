"""HTTP between the engine and agents, both ways. Agents are trusted by their token, so any address may be theirs."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any
from urllib.parse import quote, urlsplit
from zlib import crc32

import httpx2

from engine.model import Json
from engine.remoteport import Answer, Reply

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
"""An agent only says whether it takes a subtask, so it answers at once; its input may be large."""
RESULT_SECONDS = 60.0
"""The engine answers a result once the graph has it."""
MOST_CONNECTIONS = 256
AT_ONCE = 16
"""Subtasks that are handed over at the same time: a burst of hundreds would keep the event loop from all else."""
WORDS = 300
_NOT_TOLD = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


def plain_tls() -> ssl.SSLContext:
    """A context for plain HTTP: reading whom this system trusts takes a while, so only an https address pays for it."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


POOLS = 64
"""Clients that share the agents out: one looks at all of its open connections before and after each call."""


class _Http:
    """Clients that are opened at their first call, some for plain HTTP and some for TLS."""

    def __init__(self, token: str) -> None:
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._clients: dict[tuple[str, int], httpx2.AsyncClient] = {}

    async def send(self, method: str, url: str, body: Json, seconds: float) -> httpx2.Response:
        """Sends one request; raises ``httpx2.HTTPError``, ``httpx2.InvalidURL``."""
        parts = urlsplit(url)
        place = parts.scheme, crc32(parts.netloc.encode(errors="replace")) % POOLS
        client = self._clients.get(place) or await self._open(place)
        content = None if body is None else await _encoded(body)
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        return await client.request(method, url, content=content, timeout=timeout)

    async def _open(self, place: tuple[str, int]) -> httpx2.AsyncClient:
        tls = await asyncio.to_thread(httpx2.create_ssl_context) if place[0] == "https" else plain_tls()
        limits = httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS)
        made = httpx2.AsyncClient(headers=self._headers, verify=tls, trust_env=False, limits=limits)
        return self._clients.setdefault(place, made)

    async def close(self) -> None:
        """Closes the connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()


LARGE_BYTES = 256 * 1024


async def _encoded(body: Json) -> bytes:
    """JSON with integers of any size; a large one is written in a thread."""
    text = body.get("subtask", {}).get("input") if isinstance(body, dict) else None
    large = isinstance(text, str | list | dict) and len(text) > LARGE_BYTES // 64
    return await asyncio.to_thread(_as_json, body) if large else _as_json(body)


def _as_json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


class HttpAgents:
    """The way to agents; see ``engine.remoteport.AgentCalls``. ``token`` is shown to each."""

    def __init__(self, token: str) -> None:
        self._http = _Http(token)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def execute(self, url: str, body: Json) -> Reply:
        """Asks an agent to run a subtask."""
        try:
            async with self._at_once:
                response = await self._http.send("POST", f"{url}/execute", body, ANSWER_SECONDS)
        except (*_NOT_TOLD, httpx2.InvalidURL) as error:
            return Reply(Answer.UNREACHABLE, str(error) or type(error).__name__)
        except httpx2.HTTPError as error:
            return Reply(Answer.UNKNOWN, str(error) or type(error).__name__)
        if response.status_code == 200:
            return Reply(Answer.ACCEPTED)
        if response.status_code == 503:
            return Reply(Answer.BUSY)
        return Reply(Answer.REFUSED, f"it answers {response.status_code} {response.text[:WORDS]}".strip())

    async def cancel(self, url: str, body: Json) -> None:
        """Tells an agent that nobody wants a subtask any more."""
        try:
            await self._http.send("POST", f"{url}/cancel", body, ANSWER_SECONDS)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return  # its result is refused in any case

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close()


class Unanswered(Exception):
    """The engine gave no answer."""


class EngineLink:
    """The way from an agent to its engine at ``url``; ``token`` is shown to it."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._http = _Http(token)

    async def register(self, body: Json) -> tuple[int, Json]:
        """Registers; the status and the answer. Raises ``Unanswered``."""
        return await self._ask("POST", "/agents", body, ANSWER_SECONDS)

    async def beat(self, agent_id: str, body: Json) -> int:
        """Gives a sign of life; the status. Raises ``Unanswered``."""
        return (await self._ask("PUT", f"/agents/{quote(agent_id)}/heartbeat", body, ANSWER_SECONDS))[0]

    async def result(self, agent_id: str, body: Json) -> tuple[int, Json]:
        """Returns a result; the status and the answer. Raises ``Unanswered``."""
        return await self._ask("POST", f"/agents/{quote(agent_id)}/results", body, RESULT_SECONDS)

    async def leave(self, agent_id: str) -> int:
        """Signs off; the status. Raises ``Unanswered``."""
        return (await self._ask("DELETE", f"/agents/{quote(agent_id)}", None, CONNECT_SECONDS))[0]

    async def _ask(self, method: str, path: str, body: Json, seconds: float) -> tuple[int, Any]:
        try:
            response = await self._http.send(method, self._url + path, body, seconds)
            answer = response.json() if response.content else None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unanswered(str(error) or type(error).__name__) from None
        except ValueError:
            answer = None  # not an engine, or something in between: the status says enough
        return response.status_code, answer

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close()
