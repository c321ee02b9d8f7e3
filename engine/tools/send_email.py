"""``send_email``: one message over SMTP, to recipients of MAIL_ALLOW only.

A repeat bears the same Message-ID, made from the subtask, so that a mail system recognises it; and whoever the server
has accepted it for is left out of it. Where a connection breaks between the message and the server's answer nobody
knows whether it went: SMTP asks for a repeat then (RFC 1047), and the Message-ID is what tells the two apart.
"""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from time import time
from typing import Annotated

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import RunContext, ToolHealth
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.file_errors import explained, no_file
from engine.tools.roots import Roots
from engine.tools.secret_text import secret_in
from engine.tools.sent_log import SentLog
from engine.tools.smtp import Server, deliver, greet
from engine.tools.threads import in_thread

MAX_BYTES = 10 * 1024 * 1024
"""Of the attachments of one message together."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}")
_NO_SERVER = ToolHealth(
    False, "no mail server is set", "Set SMTP_URL, MAIL_FROM and MAIL_ALLOW; start the engine again."
)
_HEALTH_SECONDS = 5.0

Address = Annotated[str, Field(max_length=254)]
Addresses = Annotated[list[Address], Field(max_length=50)]


class SendEmailInput(Input):
    """What is sent to whom."""

    to: Annotated[list[Address], Field(min_length=1, max_length=50)]
    """Addresses, each allowed by MAIL_ALLOW."""
    cc: Addresses = Field(default_factory=list)
    """Who gets a copy."""
    bcc: Addresses = Field(default_factory=list)
    """Who gets a copy that the others do not see."""
    reply_to: Address | None = None
    """Where answers go; to the sender unless given."""
    subject: str = Field(min_length=1, max_length=500)
    """One line."""
    text: str = Field(max_length=1_000_000)
    """The message as plain text."""
    html: str | None = Field(default=None, max_length=1_000_000)
    """The same for those who read HTML."""
    attachments: list[str] = Field(default_factory=list, max_length=20)
    """Files below FILE_ROOTS, 10 MiB together."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    """Longest wait for an answer of the server."""

    @field_validator("to", "cc", "bcc")
    @classmethod
    def _plain(cls, value: list[str]) -> list[str]:
        for address in value:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is no address such as ada@example.org")
        return value

    @field_validator("reply_to")
    @classmethod
    def _one(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("must be an address such as ada@example.org")
        return value

    @field_validator("subject")
    @classmethod
    def _line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line of printable text")
        return value

    @property
    def everybody(self) -> list[str]:
        """Each recipient once."""
        return list(dict.fromkeys([*self.to, *self.cc, *self.bcc]))


class SendEmailOutput(TypedDict):
    """What became of it."""

    message_id: str
    accepted: list[str]


@dataclass(frozen=True, slots=True)
class MailRules:
    """How mail leaves: the server (None where none is set), the sender, and who may be written to."""

    server: Server | None
    sender: str
    allow: tuple[str, ...]

    def refusal(self, address: str) -> str | None:
        """Why nobody may write to an address; None when one may."""
        wanted = address.lower()
        domain = wanted[wanted.rindex("@") :]
        if any(entry.lower() in (wanted, domain) for entry in self.allow):
            return None
        return f"{address} is not allowed by MAIL_ALLOW ({', '.join(self.allow) or 'which is empty'})"


class SendEmail(ModelTool[SendEmailInput]):
    """Sends a message; its output is ``{"message_id", "accepted"}``."""

    name = "send_email"
    refuses_tainted = True
    model = SendEmailInput
    output = SendEmailOutput

    def __init__(self, rules: MailRules, roots: Roots, log: SentLog, grace: float) -> None:
        self._rules, self._roots, self._log, self._grace = rules, roots, log, grace

    def examine(self, value: SendEmailInput) -> None:
        """Refuses other recipients, files outside the roots, and what looks like a secret."""
        for field in ("to", "cc", "bcc") if self._rules.server is not None else ():
            for index, address in enumerate(getattr(value, field)):
                if fault := self._rules.refusal(address):
                    raise InputFault(fault, field, index)
        for index, path in enumerate(value.attachments):
            if fault := self._roots.fault(path):
                raise InputFault(fault, "attachments", index)
        for field in ("subject", "text", "html"):
            if found := secret_in(getattr(value, field) or ""):
                raise InputFault(f"seems to hold {found}; mail is no place for it", field)

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """The mail server."""
        return "" if self._rules.server is None else self._rules.server.shown

    async def health_check(self) -> ToolHealth:
        """Whether the server takes the login."""
        server = self._rules.server
        if server is None or not self._rules.sender:
            return _NO_SERVER
        fault = await greet(server, _HEALTH_SECONDS)
        return ToolHealth(False, fault, "Start the mail server, or correct SMTP_URL.") if fault else ToolHealth()

    async def perform(self, value: SendEmailInput, context: RunContext) -> Json:
        """Sends it to those who have not got it yet."""
        server = self._rules.server
        if server is None or not self._rules.sender:
            raise ToolError(_NO_SERVER.detail, category=Category.CONFIGURATION, suggestion=_NO_SERVER.suggestion)
        place = (context.task_id, context.subtask_id)
        message, had = await in_thread(
            lambda: (self._message(value, context.subtask_id), self._log.sent(*place)), grace=self._grace
        )
        left = [address for address in value.everybody if address not in had]
        refused: dict[str, str] = {}
        if left:
            refused = await deliver(server, self._rules.sender, left, message, value.timeout_seconds)
            gone = [address for address in left if address not in refused]
            await self._note(context, gone)
        output: SendEmailOutput = {
            "message_id": message["Message-ID"],
            "accepted": [address for address in value.everybody if address not in refused],
        }
        if refused:
            raise _refused(server, refused, dict(output))
        return dict(output)

    async def _note(self, context: RunContext, gone: list[str]) -> None:
        """Notes who has got it. It has been sent: what goes wrong here must not say otherwise."""
        try:
            await in_thread(lambda: self._log.add(context.task_id, context.subtask_id, gone), grace=self._grace)
        except OSError as error:
            context.log("warning", "a repeat of this mail could reach the same people", reason=str(error))

    def _message(self, value: SendEmailInput, subtask_id: str) -> EmailMessage:
        sender = self._rules.sender
        message = EmailMessage()
        message["From"], message["To"] = sender, ", ".join(value.to)
        if value.cc:
            message["Cc"] = ", ".join(value.cc)
        if value.reply_to:
            message["Reply-To"] = value.reply_to
        message["Subject"], message["Date"] = value.subject, formatdate(time(), localtime=False)
        message["Message-ID"] = f"<{subtask_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
        message.set_content(value.text)
        if value.html is not None:
            message.add_alternative(value.html, subtype="html")
        room = MAX_BYTES
        for path in value.attachments:
            room -= self._attach(message, path, room)
        return message

    def _attach(self, message: EmailMessage, path: str, room: int) -> int:
        """Adds a file; returns its size."""
        with explained(path), self._roots.open(path) as place:
            descriptor = os.open(place.name, _READ, dir_fd=place.folder)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise no_file(path, "no regular file")
                data = file.read(room + 1)
        if len(data) > room:
            raise ToolError(
                f"{path}: the attachments are larger than {MAX_BYTES} bytes together",
                category=Category.CONFIGURATION,
                suggestion="Attach less, or send a link.",
            )
        if found := secret_in(data.decode("latin-1")):
            raise ToolError(
                f"{path}: it seems to hold {found}, and mail is no place for it",
                category=Category.CONFIGURATION,
                suggestion="Attach another file, or remove the secret from it.",
            )
        kind, _ = mimetypes.guess_type(path)
        main, _, sub = (kind or "application/octet-stream").partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=Path(path).name)
        return len(data)


def _refused(server: Server, refused: dict[str, str], output: Json) -> ToolError:
    """Some recipients were refused: it may pass where the server says so of each."""
    listed = "; ".join(f"{address}: {why}" for address, why in list(refused.items())[:5])
    passing = all(why.startswith("4") for why in refused.values())
    return ToolError(
        f"mail server {server.shown} refused {len(refused)} recipient(s): {listed}",
        category=Category.TRANSIENT if passing else Category.CONFIGURATION,
        suggestion="" if passing else "Correct the addresses; the others have got it, and a retry leaves them out.",
        output=output,
    )
