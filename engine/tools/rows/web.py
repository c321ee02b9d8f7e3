"""What a URL holds, through the guarded client, which is opened with the first of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.errors import Category, ToolError
from engine.tools.addresses import AddressPolicy
from engine.tools.http_request import category_of, delay_of
from engine.tools.threads import in_thread

if TYPE_CHECKING:
    from engine.tools.http_client import GuardedHttp

MAX_BYTES = 64 * 1024 * 1024
_SECONDS = 300.0


class Web:
    """Downloads; one for all stages."""

    def __init__(self, policy: AddressPolicy, grace: float) -> None:
        self._policy, self._grace = policy, grace
        self._client: GuardedHttp | None = None
        self._opening = asyncio.Lock()

    async def get(self, url: str) -> bytes:
        """The body of the answer; raises ``ToolError`` that names the address without its query."""
        from engine.tools.http_client import Call, shown

        async with self._opening:
            if self._client is None:
                self._client = await in_thread(self._open, grace=self._grace)
        headers = {"user-agent": "agent03-core-engine"}
        reply = await self._client.fetch(Call("GET", url, headers, [], None, _SECONDS, MAX_BYTES, True))
        if reply.status >= 400:
            category = category_of(reply.status)
            transient = category is Category.TRANSIENT
            raise ToolError(
                f"GET {shown(url)}: the server answered {reply.status}",
                category=category,
                suggestion="" if transient else "Correct the address; http_request takes headers.",
                delay=delay_of(reply.headers.get("retry-after"), datetime.now(UTC)) if transient else None,
            )
        return reply.content

    def _open(self) -> GuardedHttp:
        from engine.tools.http_client import GuardedHttp, default_tls

        return GuardedHttp(self._policy, default_tls())

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
