"""The guarded client, opened when it is first needed: its library and certificates take a while to load."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.tools.addresses import AddressPolicy
from engine.tools.threads import in_thread

if TYPE_CHECKING:
    from engine.tools.http_client import GuardedHttp


class WebClient:
    """One client for all calls of a tool.

    Args:
        policy: which private addresses may be reached.
        grace: seconds that loading it in a thread gets to end when it is cancelled.
        client: one that is open already; closed with this.
    """

    def __init__(self, policy: AddressPolicy, grace: float, client: GuardedHttp | None = None) -> None:
        self._policy, self._grace = policy, grace
        self._client = client
        self._opening = asyncio.Lock()

    async def opened(self) -> GuardedHttp:
        """The client itself."""
        async with self._opening:
            if self._client is None:
                self._client = await in_thread(self._open, grace=self._grace)
        return self._client

    def _open(self) -> GuardedHttp:
        from engine.tools.http_client import GuardedHttp, default_tls

        return GuardedHttp(self._policy, default_tls())

    async def close(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
