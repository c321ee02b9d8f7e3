"""Mail, handed in to a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, SettingsError, ToolError
from engine.tools.roots import Roots
from engine.tools.send_email import MAX_BYTES, MailRules, SendEmail
from engine.tools.sent_log import SentLog
from engine.tools.smtp import Server, server_of
from tests.support.mail import MailServer, mail_server
from tests.support.tools_context import RecordingContext

LETTER: dict[str, Any] = {"to": ["ada@example.org"], "subject": "Grüße", "text": "How are you?\n.\nAda"}


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    """A server that takes everything."""
    async with mail_server() as found:
        yield found


def tool(folder: Path, server: Server | None, *allow: str) -> SendEmail:
    """The tool on a folder of the test."""
    (folder / "files").mkdir(exist_ok=True)
    rules = MailRules(server, "Agent <agent@example.com>", allow or ("@example.org", "bob@example.net"))
    return SendEmail(rules, Roots([str(folder / "files")]), SentLog(folder / "undo"), 0.2)


@pytest.fixture
def post(tmp_path: Path, server: MailServer) -> SendEmail:
    """The tool with that server."""
    return tool(tmp_path, server_of(server.url))


async def send(post: SendEmail, **fields: Any) -> Any:
    """Sends the letter with other fields."""
    value = {**LETTER, **fields}
    assert post.check(value) == []
    return await post.run(value, RecordingContext())


async def fail(post: SendEmail, **fields: Any) -> ToolError:
    """Sends it where that must fail."""
    with pytest.raises(ToolError) as caught:
        await send(post, **fields)
    return caught.value


async def test_a_letter_arrives_whole(post: SendEmail, server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "files" / "prices.csv").write_bytes(b"tea,3\n")
    output = await send(
        post,
        cc=["bob@example.net"],
        bcc=["eve@example.org"],
        reply_to="desk@example.com",
        html="<p>How are you?</p>",
        attachments=["prices.csv"],
    )
    (mail,) = server.mails
    assert mail.sender == "agent@example.com"
    assert mail.recipients == output["accepted"] == ["ada@example.org", "bob@example.net", "eve@example.org"]
    message = mail.message
    assert (message["Subject"], message["To"], message["Cc"]) == ("Grüße", "ada@example.org", "bob@example.net")
    assert (message["Reply-To"], message["From"]) == ("desk@example.com", "Agent <agent@example.com>")
    assert message["Bcc"] is None and "eve" not in message.as_string()
    assert message["Message-ID"] == output["message_id"] == "<01TESTTASK.0000001@example.com>"
    body, sheet = message.get_body(("plain",)), next(iter(message.iter_attachments()))
    assert body is not None and body.get_content().splitlines() == ["How are you?", ".", "Ada"]
    assert (sheet.get_filename(), sheet.get_content_type(), sheet.get_content()) == (
        "prices.csv",
        "text/csv",
        "tea,3\n",
    )


async def test_a_repeat_after_a_lost_answer_has_the_same_message_id(post: SendEmail, server: MailServer) -> None:
    server.hang_up = 1
    assert (await fail(post)).category is Category.TRANSIENT
    await send(post)
    assert len({mail.message["Message-ID"] for mail in server.mails}) == 1


async def test_a_repeat_leaves_out_who_has_got_it(post: SendEmail, server: MailServer) -> None:
    server.recipients["bob@example.net"] = ["450 greylisted", "451 later"]
    for _ in range(2):
        error = await fail(post, cc=["bob@example.net"])
        assert (error.category, "450" in str(error) or "451" in str(error)) == (Category.TRANSIENT, True)
        assert error.output == {"message_id": "<01TESTTASK.0000001@example.com>", "accepted": ["ada@example.org"]}
    output = await send(post, cc=["bob@example.net"])
    assert output["accepted"] == ["ada@example.org", "bob@example.net"]
    assert await send(post, cc=["bob@example.net"]) == output, "nobody is left to send it to"
    assert [mail.recipients for mail in server.mails] == [["ada@example.org"], ["bob@example.net"]]


async def test_who_is_refused_for_good_is_named(post: SendEmail, server: MailServer) -> None:
    server.recipients["ada@example.org"] = ["550 no such user"]
    error = await fail(post)
    assert (error.category, "ada@example.org: 550 no such user" in str(error)) == (Category.CONFIGURATION, True)
    assert server.mails == []


@pytest.mark.parametrize(
    ("answer", "category"),
    [("452 full", Category.TRANSIENT), ("554 looks like spam", Category.CONFIGURATION)],
)
async def test_a_refused_message_has_a_category(
    post: SendEmail, server: MailServer, answer: str, category: Category
) -> None:
    server.data = [answer]
    error = await fail(post)
    assert (error.category, answer.partition(" ")[2] in str(error)) == (category, True)


async def test_a_login_is_sent_and_judged(tmp_path: Path) -> None:
    async with mail_server(login=True) as server:
        url = server.url.replace("//", "//ada:op%65n@")
        await send(tool(tmp_path, server_of(url)))
        assert server.logins == [("ada", "open")]
        server.password = "other"
        post = tool(tmp_path / "files", server_of(url))
        error = await fail(post)
        assert (error.category, "open" in str(error)) == (Category.PERMISSION, False)
        health = await post.health_check()
        assert (health.ok, "login" in health.detail) == (False, True)


async def test_a_password_goes_nowhere_without_tls(
    tmp_path: Path, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.tools.smtp._LOCAL", ())
    error = await fail(tool(tmp_path, server_of(server.url.replace("//", "//ada:open@"))))
    assert (error.category, "no TLS" in str(error)) == (Category.CONFIGURATION, True)
    assert server.logins == []


async def test_a_cancellation_ends_a_talk_at_once(post: SendEmail, server: MailServer) -> None:
    server.silent = asyncio.Event()
    sending = asyncio.create_task(send(post))
    await server.silent.wait()
    sending.cancel()
    await asyncio.wait([sending], timeout=2)
    assert sending.cancelled()


async def test_without_a_server_it_says_what_to_set(tmp_path: Path) -> None:
    post = tool(tmp_path, None)
    error = await fail(post)
    assert (error.category, "SMTP_URL" in error.suggestion) == (Category.CONFIGURATION, True)
    assert not (await post.health_check()).ok


async def test_its_health_is_that_of_the_server(post: SendEmail, tmp_path: Path, unused_tcp_port: int) -> None:
    assert (await post.health_check()).ok
    assert post.endpoint({}).startswith("127.0.0.1:")
    gone = tool(tmp_path, server_of(f"smtp://127.0.0.1:{unused_tcp_port}"))
    assert not (await gone.health_check()).ok
    assert (await fail(gone)).category is Category.TRANSIENT


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"to": ["eve@example.com"]}, ("to", 0), "not allowed by MAIL_ALLOW"),
        ({"cc": ["ada@example.org", "bob@evil.example.net"]}, ("cc", 1), "not allowed"),
        ({"bcc": ["ada@sub.example.org"]}, ("bcc", 0), "not allowed"),
        ({"to": ["ada@example.org\r\nBcc: eve@example.com"]}, ("to",), "no address"),
        ({"to": []}, ("to",), "at least 1"),
        ({"subject": "a\nBcc: eve@example.com"}, ("subject",), "one line"),
        ({"attachments": ["../passwd"]}, ("attachments", 0), "leaves the folder"),
        ({"text": "see -----BEGIN OPENSSH PRIVATE KEY-----"}, ("text",), "a private key"),
        ({"html": "<b>ghp_" + "a" * 36 + "</b>"}, ("html",), "a token of GitHub"),
    ],
)
def test_what_must_not_go_out_is_refused(
    tmp_path: Path, fields: dict[str, Any], path: tuple[Any, ...], words: str
) -> None:
    ((found, message),) = tool(tmp_path, server_of("smtp://127.0.0.1:9")).check({**LETTER, **fields})
    assert (found, words in message) == (path, True), message


async def test_attachments_are_looked_through(post: SendEmail, server: MailServer, tmp_path: Path) -> None:
    files = tmp_path / "files"
    (files / "large").write_bytes(b"x" * (MAX_BYTES - 10))
    (files / "small").write_bytes(b"x" * 11)
    (files / "env").write_text("AWS=AKIA" + "A" * 16)
    (files / "out").symlink_to("/etc/passwd")
    assert "larger" in str(await fail(post, attachments=["large", "small"]))
    assert "access key of AWS" in str(await fail(post, attachments=["env"]))
    assert "outside" in str(await fail(post, attachments=["out"]))
    assert "no such file" in str(await fail(post, attachments=["none"]))
    assert server.mails == []
    await send(post, attachments=["small"])


def test_nobody_may_be_written_to_unless_allowed(tmp_path: Path) -> None:
    rules = MailRules(None, "", ())
    assert "which is empty" in (rules.refusal("ada@example.org") or "")
    assert MailRules(None, "", ("@Example.ORG", "Bob@example.net")).refusal("ADA@example.org") is None
    assert MailRules(None, "", ("bob@example.net",)).refusal("BOB@example.net") is None


@pytest.mark.parametrize("url", ["http://host", "smtp://", "smtp://host:x", "smtp://host/path", "host:25"])
def test_an_address_that_is_none_is_told_without_what_it_holds(url: str) -> None:
    with pytest.raises(SettingsError, match=r"SMTP_URL cannot be read. Write it as smtp://\[user"):
        server_of(url)


def test_ports_and_logins_are_read() -> None:
    assert server_of("") is None
    assert server_of("smtp://mail.example.org") == Server("mail.example.org", 25, False, "", "")
    assert server_of("smtps://a%40b:p%2Fw@mail.example.org") == Server("mail.example.org", 465, True, "a@b", "p/w")
