"""One message to one SMTP server, in a thread that a cancellation cuts off. The only user of ``smtplib``.

TLS is taken wherever the server offers it; a password goes over a connection without it only to this machine.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from engine.errors import Category, SettingsError, ToolError
from engine.tools.threads import in_thread

_LOCAL = ("localhost", "127.0.0.1", "::1")
_PORTS = {"smtp": 25, "smtps": 465}
_GRACE = 0.5
"""Seconds in which a talk that was cut off has noticed it."""
_HINT = "Write it as smtp://[user:password@]host:port, or smtps:// where TLS begins at once."


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in."""

    host: str
    port: int
    at_once: bool
    """TLS begins with the connection."""
    user: str
    password: str

    @property
    def shown(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"


def server_of(url: str) -> Server | None:
    """Reads SMTP_URL; None when it is empty. Raises ``SettingsError`` when it is no such address."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise SettingsError(f"SMTP_URL cannot be read. {_HINT}") from None
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(f"SMTP_URL cannot be read. {_HINT}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.hostname, port, parts.scheme == "smtps", user, password)


async def deliver(
    server: Server, sender: str, recipients: Sequence[str], message: EmailMessage, seconds: float
) -> dict[str, str]:
    """Hands a message in; returns the recipients that were refused, with the server's reasons.

    Raises:
        ToolError: the server was not reached (transient), does not accept the login (permission), the message or every
            recipient (configuration where it says so for good).
    """
    talk = _Talk(server, seconds)
    return await in_thread(lambda: talk.send(sender, recipients, message), grace=_GRACE, stop=talk.cut)


async def greet(server: Server, seconds: float) -> str:
    """Connects, logs in and leaves: what is wrong with that, "" when nothing is."""
    talk = _Talk(server, seconds)
    try:
        await in_thread(talk.greet, grace=_GRACE, stop=talk.cut)
    except ToolError as error:
        return f"{error}. {error.suggestion}".removesuffix(" ")
    return ""


class _Talk:
    """One connection, used by one thread; ``cut`` may come from another."""

    def __init__(self, server: Server, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._smtp: smtplib.SMTP | None = None
        self._cut = False

    def send(self, sender: str, recipients: Sequence[str], message: EmailMessage) -> dict[str, str]:
        """The whole of it."""
        with _explained(self._server), self._connected() as smtp:
            try:
                refused = smtp.send_message(message, sender, list(recipients))
            except smtplib.SMTPRecipientsRefused as error:
                refused = error.recipients
            return {address: _reply(code, text) for address, (code, text) in refused.items()}

    def greet(self) -> None:
        """Connection and login alone."""
        with _explained(self._server), self._connected():
            return

    def cut(self) -> None:
        """Ends it from outside."""
        self._cut = True
        found = None if self._smtp is None else self._smtp.sock
        if found is not None:
            with suppress(OSError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server, tls = self._server, ssl.create_default_context()
        if server.at_once:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(timeout=self._seconds, context=tls)
        else:
            smtp = smtplib.SMTP(timeout=self._seconds)
        smtp._host = server.host  # type: ignore[attr-defined]  # the name that its certificate must have
        self._smtp = smtp
        try:
            smtp.connect(server.host, server.port)
            smtp.ehlo()
            if not server.at_once and smtp.has_extn("starttls"):
                smtp.starttls(context=tls)
                smtp.ehlo()
            elif server.user and not server.at_once and server.host not in _LOCAL:
                raise ToolError(
                    f"{server.shown} offers no TLS, and the password is not sent without",
                    category=Category.CONFIGURATION,
                    suggestion="Name its port with TLS in SMTP_URL, with smtps:// where TLS begins at once.",
                )
            if server.user:
                smtp.login(server.user, server.password)
            if self._cut:
                raise ConnectionAbortedError("cancelled")
            yield smtp
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
        finally:
            smtp.close()


@contextmanager
def _explained(server: Server) -> Iterator[None]:
    """Turns what goes wrong into a ``ToolError``; no text of ours holds the password."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        text, hint = f"it does not accept the login ({error.smtp_code})", "Correct user and password in SMTP_URL."
        raise _failure(server, text, Category.PERMISSION, hint) from None
    except smtplib.SMTPNotSupportedError as error:
        raise _failure(server, str(error), Category.CONFIGURATION, "Look at what the server offers.") from None
    except smtplib.SMTPResponseException as error:
        category = Category.TRANSIENT if error.smtp_code < 500 else Category.CONFIGURATION
        text = f"it refused the message: {_reply(error.smtp_code, error.smtp_error)}"
        raise _failure(server, text, category, "") from None
    except ssl.SSLCertVerificationError as error:
        hint = "Install the authority's certificate (SSL_CERT_FILE), or correct the host name."
        raise _failure(
            server, f"its certificate is not accepted: {error.reason}", Category.CONFIGURATION, hint
        ) from None
    except TimeoutError:
        raise _failure(server, "it did not answer in time", Category.TRANSIENT, "") from None
    except socket.gaierror as error:
        unknown = error.errno == socket.EAI_NONAME
        category = Category.CONFIGURATION if unknown else Category.TRANSIENT
        raise _failure(server, "its name is not known", category, "Correct the host in SMTP_URL.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise _failure(server, str(error) or type(error).__name__, Category.TRANSIENT, "") from None


def _failure(server: Server, text: str, category: Category, suggestion: str) -> ToolError:
    return ToolError(f"mail server {server.shown}: {text}", category=category, suggestion=suggestion)


def _reply(code: int, text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(said.split())[:300]}"
