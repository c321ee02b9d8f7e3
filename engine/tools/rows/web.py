"""What a URL holds, through the guarded client, which is opened with the first of them."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.errors import Category, ToolError
from engine.tools.addresses import AddressPolicy
from engine.tools.http_request import category_of, delay_of
from engine.tools.web_client import WebClient

MAX_BYTES = 64 * 1024 * 1024
_SECONDS = 300.0


class Web:
    """Downloads; one for all stages."""

    def __init__(self, policy: AddressPolicy, grace: float) -> None:
        self._client = WebClient(policy, grace)

    async def get(self, url: str) -> bytes:
        """The body of the answer; raises ``ToolError`` that names the address without its query."""
        from engine.tools.http_client import Call, shown

        client = await self._client.opened()
        headers = {"user-agent": "agent03-core-engine"}
        reply = await client.fetch(Call("GET", url, headers, [], None, _SECONDS, MAX_BYTES, True))
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

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()
