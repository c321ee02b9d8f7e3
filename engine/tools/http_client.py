"""The HTTP client of the tools: it connects only where an ``AddressPolicy`` allows. The only user of httpx2.

The guard sits where connections are made, below redirects, cookies and keep-alive: names are resolved here, each
address is judged, and the connection goes to the judged address and not to the name again. So neither a redirect nor
a name that changes its address leads inside. For the same reason the proxies of the environment are not used: behind
one, the connected address would be the proxy's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpcore2
import httpx2

from engine.errors import Category, ToolError
from engine.tools.addresses import AddressPolicy

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name; raises ``socket.gaierror``."""
_MAX_REDIRECTS = 10
_CONNECT_SECONDS = 10.0
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``seconds`` is the time for all of it."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Sequence[tuple[str, str]]
    content: bytes | None
    seconds: float
    max_bytes: int
    follow_redirects: bool
    whole: bool = True
    """Whether a larger response is an error; else what is beyond ``max_bytes`` is not read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response; ``charset`` is what it declares."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    charset: str | None


class GuardedHttp:
    """Sends requests to allowed addresses. Requests share connections, and nothing else: no cookies.

    Args:
        policy: where it may connect.
        tls: how servers are verified.
        resolve: finds addresses; the system's resolver when not given.
    """

    def __init__(self, policy: AddressPolicy, tls: ssl.SSLContext, resolve: Resolver | None = None) -> None:
        backend = _GuardedBackend(policy, resolve or _system_addresses)
        self._transport = _Transport(
            httpcore2.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=100,
                max_keepalive_connections=20,
                keepalive_expiry=5.0,
                network_backend=backend,
            )
        )

    async def fetch(self, call: Call) -> Reply:
        """Sends one request and reads its response.

        Raises:
            ToolError: refused address, unknown host or bad certificate (configuration); connection trouble
                (transient); too slow (timeout); too large (resource).
        """
        with _explained(call):
            async with asyncio.timeout(call.seconds):
                return await self._exchange(call)

    async def _exchange(self, call: Call) -> Reply:
        client = httpx2.AsyncClient(  # one for each call keeps cookies apart; it is not closed: the connections stay
            transport=self._transport,
            trust_env=False,
            timeout=httpx2.Timeout(call.seconds, connect=min(call.seconds / 2, _CONNECT_SECONDS)),
            follow_redirects=call.follow_redirects,
            max_redirects=_MAX_REDIRECTS,
        )
        request = client.build_request(
            call.method, call.url, params=list(call.params) or None, headers=dict(call.headers), content=call.content
        )
        response = await client.send(request, stream=True)
        async with _closing(response):
            content = await _body(response, call)
        return Reply(response.status_code, dict(response.headers), content, response.charset_encoding)

    async def close(self) -> None:
        """Closes every connection."""
        await self._transport.aclose()


def default_tls() -> ssl.SSLContext:
    """Verifies servers by the system's certificates, or those of SSL_CERT_FILE. Reads them: takes some time."""
    return httpx2.create_ssl_context()


class _Transport(httpx2.AsyncBaseTransport):
    """httpx2 on a pool of our own: its transport takes no network backend."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        with _renamed():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Stream(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, stream: object) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _renamed():
            async for part in self._stream:  # type: ignore[attr-defined]
                yield part

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves, judges, connects."""

    def __init__(self, policy: AddressPolicy, resolve: Resolver) -> None:
        self._policy, self._resolve = policy, resolve
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects to the first allowed address that answers."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._addresses(host, port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"the name {host} could not be resolved in time") from None
        allowed = [address for address in addresses if self._policy.allows(host, port, address)]
        if not allowed:
            raise _refused(host, port, addresses)
        failure: Exception | None = None
        for address in allowed:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return await self._resolve(host, port)
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                raise _unknown(host) from None
            raise httpcore2.ConnectError(f"the name {host} cannot be resolved now") from error
        except UnicodeError:  # no text that could be a name
            raise _unknown(host) from None


async def _system_addresses(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _body(response: httpx2.Response, call: Call) -> bytes:
    """The decoded body; stops reading at the limit, so that a compressed flood is refused too."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > call.max_bytes and not call.whole:
            break
        if len(content) > call.max_bytes:
            text = f"the response is larger than {call.max_bytes} bytes"
            raise _failure(call, text, Category.RESOURCE, "Raise max_bytes (up to 64 MiB), or ask for less.")
    return bytes(content)


@asynccontextmanager
async def _closing(response: httpx2.Response) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await response.aclose()


@contextmanager
def _renamed() -> Iterator[None]:
    """httpcore2's errors under httpx2's names, which are the same words."""
    try:
        yield
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx2, type(error).__name__, httpx2.TransportError)(str(error)) from error


@contextmanager
def _explained(call: Call) -> Iterator[None]:
    """Turns the client's errors into ours. URLs are told without password and query, which may hold secrets."""
    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
        raise _failure(call, str(error), Category.CONFIGURATION, "Correct the URL and the headers.") from error
    except httpx2.TooManyRedirects as error:
        text = f"it redirects more than {_MAX_REDIRECTS} times"
        raise _failure(call, text, Category.CONFIGURATION, "Ask for the final address.") from error
    except httpx2.ConnectTimeout as error:
        raise _failure(call, "no connection in time", Category.TRANSIENT, "") from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        text = f"no whole answer within {call.seconds} s"
        raise _failure(call, text, Category.TIMEOUT, "Raise timeout_seconds, or ask for less.") from error
    except httpx2.DecodingError as error:
        raise _failure(call, f"its content cannot be decoded: {error}", Category.LOGIC, "") from error
    except httpx2.RequestError as error:
        if _of_certificate(error):
            text = f"its certificate is not accepted: {error}"
            hint = "Install the authority's certificate (SSL_CERT_FILE), or correct the host name."
            raise _failure(call, text, Category.CONFIGURATION, hint) from error
        raise _failure(call, str(error) or type(error).__name__, Category.TRANSIENT, "") from error


def _failure(call: Call, text: str, category: Category, suggestion: str) -> ToolError:
    return ToolError(f"{call.method} {shown(call.url)}: {text}", category=category, suggestion=suggestion)


def shown(url: str) -> str:
    """The URL without user, password, query and fragment."""
    try:
        parsed = httpx2.URL(url)
        return str(parsed.copy_with(userinfo=b"", query=None, fragment=None))
    except (httpx2.InvalidURL, ValueError):
        return "(unreadable URL)"


def _of_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _refused(host: str, port: int, addresses: Sequence[str]) -> ToolError:
    return ToolError(
        f"{host} ({', '.join(addresses[:3]) or 'no address'}) is a private or local address, which may not be reached",
        category=Category.CONFIGURATION,
        suggestion=f"If it is meant, add {host}:{port} to HTTP_ALLOW_PRIVATE.",
    )


def _unknown(host: str) -> ToolError:
    return ToolError(
        f"there is no host {host}", category=Category.CONFIGURATION, suggestion="Correct the host name in the URL."
    )
