"""``webhook``: tells another system something, by a signed POST of JSON (Standard Webhooks).

Every attempt of a subtask bears the same ``webhook-id`` and ``Idempotency-Key``, its id, so a receiver knows a repeat.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, field_validator

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import RunContext, ToolHealth
from engine.tools.addresses import AddressPolicy, endpoint_of, web_address
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.http_request import category_of, delay_of, output_of
from engine.tools.secret_text import secret_in
from engine.tools.signing import Signer
from engine.tools.web_client import WebClient

MAX_BYTES = 1024 * 1024
"""Of what is sent, and of the answer that is kept."""
_NO_SECRET = ToolHealth(False, "there is no secret to sign with", "Set WEBHOOK_SECRET, start the engine again.")


class WebhookInput(Input):
    """Whom to tell what."""

    url: str = Field(min_length=1, max_length=2_000)
    """http or https, with a host; it is not followed elsewhere."""
    data: Json
    """Any JSON value, a mebibyte at most: the body."""
    timeout_seconds: float = Field(default=15.0, gt=0, le=300)
    """Longest wait for the answer."""

    @field_validator("url")
    @classmethod
    def _complete(cls, value: str) -> str:
        return web_address(value)


class Webhook(ModelTool[WebhookInput]):
    """Posts JSON; its output is ``{"id", "status", "headers", "body"}`` of the answer."""

    name = "webhook"
    idempotent = True
    untrusted = True
    model = WebhookInput

    def __init__(self, policy: AddressPolicy, secret: str, grace: float) -> None:
        self._secret = secret
        self._web = WebClient(policy, grace)

    def examine(self, value: WebhookInput) -> None:
        """Refuses what is too large, and what looks like a secret."""
        text = _body(value.data)
        if len(text) > MAX_BYTES:
            raise InputFault(f"must not have more than {MAX_BYTES} bytes as JSON", "data")
        if found := secret_in(text):
            raise InputFault(f"seems to hold {found}; send it another way", "data")

    def endpoint(self, value: Json) -> str:
        """Host and port of the URL."""
        return endpoint_of(value.get("url")) if isinstance(value, dict) else ""

    async def health_check(self) -> ToolHealth:
        """Whether there is a secret to sign with."""
        return ToolHealth() if self._secret else _NO_SECRET

    async def perform(self, value: WebhookInput, context: RunContext) -> Json:
        """Signs and sends it, and judges the status."""
        from engine.tools.http_client import Call, shown

        if not self._secret:
            raise ToolError(_NO_SECRET.detail, category=Category.CONFIGURATION, suggestion=_NO_SECRET.suggestion)
        body, id_ = _body(value.data), context.subtask_id
        headers = {"content-type": "application/json", "user-agent": "agent03-core-engine", "idempotency-key": id_}
        headers |= Signer(self._secret).headers(id_, int(time.time()), body)
        client = await self._web.opened()
        seconds = value.timeout_seconds
        reply = await client.fetch(
            Call("POST", value.url, headers, [], body.encode(), seconds, MAX_BYTES, follow_redirects=False, whole=False)
        )
        output: dict[str, Any] = {"id": id_, **output_of(reply)}
        if reply.status >= 300:
            category = category_of(reply.status)
            transient = category is Category.TRANSIENT
            raise ToolError(
                f"POST {shown(value.url)}: the receiver answered {reply.status}",
                category=category,
                suggestion="" if transient else "Correct the URL, or ask whoever receives it.",
                output=output,
                delay=delay_of(reply.headers.get("retry-after"), datetime.now(UTC)) if transient else None,
            )
        return output

    async def close(self) -> None:
        """Closes the connections."""
        await self._web.close()


def _body(data: Json) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
