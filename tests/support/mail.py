"""A real SMTP server on loopback, which keeps what it gets and answers as a test wants."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mail:
    """One message as it came in."""

    sender: str
    recipients: list[str]
    message: EmailMessage


@dataclass
class MailServer:
    """What it has got, and what it answers: each answer is given once, before "250 OK"."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    recipients: dict[str, list[str]] = field(default_factory=dict)
    """Answers to RCPT TO by address."""
    data: list[str] = field(default_factory=list)
    """Answers to a whole message, which is then not kept."""
    hang_up: int = 0
    """So many messages are kept, and the connection is closed instead of an answer."""
    silent: asyncio.Event | None = None
    """Set when a message came in, which is then never answered."""
    logins: list[tuple[str, str]] = field(default_factory=list)
    password: str = "open"

    @property
    def url(self) -> str:
        """For SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        """Takes or refuses a recipient."""
        if answers := self.recipients.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Takes or refuses a message."""
        if self.silent is not None:
            self.silent.set()
            await asyncio.Event().wait()
        if self.data:
            return self.data.pop(0)
        content = cast(bytes, envelope.content)
        message = cast(EmailMessage, email.message_from_bytes(content, policy=email.policy.default))
        self.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        if self.hang_up:
            self.hang_up -= 1
            server.transport.abort()  # type: ignore[union-attr]
        return "250 OK"

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Whether a login is right."""
        found = cast(LoginPassword, data)
        self.logins.append((found.login.decode(), found.password.decode()))
        return AuthResult(success=found.password.decode() == self.password, handled=False)


@asynccontextmanager
async def mail_server(*, login: bool = False) -> AsyncIterator[MailServer]:
    """Serves until the block ends; with ``login`` it offers one, without TLS."""
    found = MailServer()
    options = {"authenticator": found.login, "auth_require_tls": False} if login else {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(found, hostname="mail.test", loop=loop, **options), "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
