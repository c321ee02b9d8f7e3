"""Claude through the ``anthropic`` SDK, as the ``LanguageModel`` of the engine. The only file that knows the SDK.

The SDK repeats nothing here: the engine's own retries decide, so that every attempt is in the graph. It is loaded with
the first question, in a thread, because loading takes a second; it opens a connection only then.
"""

from __future__ import annotations

import asyncio
import email.utils
import importlib
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.adapters.claude_failures import Refusal, failure, timed_out, unreachable, unreadable
from engine.adapters.claude_format import enforceable, told
from engine.language import Answer, NoAnswer, Prompt, Usage
from engine.language import Message as Sent
from engine.settings import Settings

if TYPE_CHECKING:
    from anthropic import APIStatusError, AsyncAnthropic
    from anthropic.types import Message

PUBLIC = "https://api.anthropic.com"
STREAMED_ABOVE = 16_000
"""An answer that may have more tokens than this is streamed, because proxies cut connections that are still."""
CACHE_WRITE, CACHE_READ = 1.25, 0.1
"""What writing to and reading from the prompt cache costs, as a share of the price of input."""
_CONNECT_SECONDS = 10.0
_CACHED = {"type": "ephemeral"}


class ClaudeModel:
    """Asks Claude. Nothing is loaded or opened before the first question.

    Args:
        settings: key, address, models, prices and the time for one answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.anthropic_api_key.get_secret_value()
        self._url = settings.anthropic_base_url or PUBLIC
        self.address = _shown(self._url)
        self._model = settings.claude_model
        self._prices = settings.claude_prices
        self._seconds = settings.claude_timeout_seconds
        self._client: AsyncAnthropic | None = None

    async def ask(self, prompt: Prompt) -> Answer:
        """Asks once. A cancellation closes the request.

        Raises:
            NoAnswer: when there is no answer; a truncated or refused one is an answer.
        """
        client = await self._opened()
        model = prompt.model or self._model
        request = _request(prompt, model)
        try:
            async with asyncio.timeout(self._seconds):
                message = await _sent(client, request, streamed=prompt.max_tokens > STREAMED_ABOVE)
        except TimeoutError:
            raise timed_out(self.address, self._seconds) from None
        except Exception as error:
            raise self._failure(error, model) from None
        return self._answer(message, model, whole=bool(prompt.tools))

    async def close(self) -> None:
        """Lets go of its connections; the next question opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> AsyncAnthropic:
        if self._client is None:
            await asyncio.to_thread(importlib.import_module, "anthropic.resources.messages")
        if self._client is None:  # two first questions at once load it once
            from anthropic import AsyncAnthropic, Timeout

            logging.getLogger("anthropic").setLevel(logging.INFO)  # at debug it writes whole prompts
            limits = Timeout(self._seconds, connect=min(_CONNECT_SECONDS, self._seconds))
            self._client = AsyncAnthropic(api_key=self._key, base_url=self._url, timeout=limits, max_retries=0)
        return self._client

    def _failure(self, error: Exception, model: str) -> NoAnswer:
        """What the SDK has raised, as an error of the attempt. Unknown errors are ours and pass."""
        import anthropic
        import httpx2

        if isinstance(error, (anthropic.APITimeoutError, httpx2.TimeoutException)):
            return timed_out(self.address, self._seconds)
        if isinstance(error, (anthropic.APIConnectionError, httpx2.TransportError)):
            return unreachable(self.address, _reason(error))
        if isinstance(error, anthropic.APIStatusError):
            return failure(self._refusal(error, model))
        if isinstance(error, (anthropic.APIError, _Unreadable, ValueError, AssertionError)):
            return unreadable(self.address)
        raise error

    def _refusal(self, error: APIStatusError, model: str) -> Refusal:
        return Refusal(
            status=error.status_code,
            type=str(error.type or ""),
            code=error.error_code or "",
            message=(error.api_message or "").replace(self._key, "***"),
            delay=_delay(error.response.headers),
            model=model,
            address=self.address,
        )

    def _answer(self, message: Message, model: str, *, whole: bool) -> Answer:
        text = "".join(block.text for block in message.content if block.type == "text")
        stop, used = str(message.stop_reason or ""), self._usage(message, model)
        blocks = [block.to_dict(mode="json") for block in message.content] if whole else []
        return Answer(text, stop, str(message.model), used, message._request_id or "", blocks)

    def _usage(self, message: Message, model: str) -> Usage:
        used = message.usage
        read, written = used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0
        price = self._prices.get(message.model) or self._prices.get(model)
        cost = None
        if price is not None:
            weighed = used.input_tokens + CACHE_WRITE * written + CACHE_READ * read
            cost = (weighed * price[0] + used.output_tokens * price[1]) / 1e6
        return Usage(used.input_tokens, used.output_tokens, read, written, cost)


class _Unreadable(Exception):
    """An answer that is no message."""


def _request(prompt: Prompt, model: str) -> dict[str, Any]:
    """The arguments of ``messages.create``."""
    from anthropic import transform_schema

    request: dict[str, Any] = {"model": model, "max_tokens": prompt.max_tokens, "messages": prompt.messages}
    system = [prompt.system] if prompt.system else []
    if prompt.schema is not None and enforceable(prompt.schema):
        request["output_config"] = {"format": {"type": "json_schema", "schema": transform_schema(prompt.schema)}}
    elif prompt.schema is not None:
        system.append(told(prompt.schema))
    if system:
        text = "\n\n".join(system)
        request["system"] = [{"type": "text", "text": text, "cache_control": _CACHED}]
    if prompt.tools:
        request["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in prompt.tools
        ]
        request["messages"] = [*prompt.messages[:-1], _worth_caching(prompt.messages[-1])]
    return request


def _worth_caching(message: Sent) -> dict[str, Any]:
    """The last message of a talk that goes on: all up to here comes again with the next question."""
    content = message["content"]
    blocks: Any = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {**message, "content": [*blocks[:-1], {**blocks[-1], "cache_control": _CACHED}]}


async def _sent(client: AsyncAnthropic, request: dict[str, Any], *, streamed: bool) -> Message:
    """The whole message, streamed or not."""
    from anthropic.types import Message

    message: object
    if streamed:
        async with client.messages.stream(**request) as stream:
            message = await stream.get_final_message()
            message._request_id = stream.request_id
    else:
        message = await client.messages.create(**request)
    if not (isinstance(message, Message) and isinstance(message.content, list) and message.usage is not None):
        raise _Unreadable
    return message


def _delay(headers: Mapping[str, str]) -> float | None:
    """Seconds that the API wants to be left alone; it may say milliseconds, seconds or a date."""
    with suppress(KeyError, ValueError):
        return float(headers["retry-after-ms"]) / 1000
    wish = headers.get("retry-after", "")
    with suppress(ValueError):
        return float(wish)
    with suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(wish).timestamp() - time.time())
    return None


def _shown(url: str) -> str:
    """The address without a user name or password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: Exception) -> str:
    """Why there is no connection, in the words of whoever noticed it."""
    cause = error.__cause__ or error
    return str(cause) or type(cause).__name__
