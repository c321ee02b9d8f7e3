"""The tools that look into files, and those that talk to the world outside, as one engine has them."""

from __future__ import annotations

from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.addresses import AddressPolicy
from engine.tools.aider import Aider
from engine.tools.claude_code import ClaudeCode
from engine.tools.claude_sdk import ClaudeSdk
from engine.tools.crowding import Crowding
from engine.tools.process import Processes
from engine.tools.roots import Roots
from engine.tools.search_files import SearchFiles
from engine.tools.send_email import MailRules, SendEmail
from engine.tools.sent_log import SentLog
from engine.tools.smtp import server_of
from engine.tools.web_search import WebSearch
from engine.tools.webhook import Webhook


def outside_tools(settings: Settings, roots: Roots, policy: AddressPolicy) -> list[Tool]:
    """All of them. Nothing is opened or started before one of them runs.

    Args:
        settings: of the engine.
        roots: the folders of FILE_ROOTS.
        policy: where URLs may lead.

    Raises:
        SettingsError: SMTP_URL or WEB_SEARCH_URL cannot be read.
    """
    grace = settings.cancel_grace_seconds
    server = server_of(settings.smtp_url.get_secret_value())
    rules = MailRules(server, settings.mail_from, tuple(settings.mail_allow))
    key = settings.anthropic_api_key.get_secret_value()
    keys = {"ANTHROPIC_API_KEY": key} if key else {}
    return [
        Aider(Processes(grace, Crowding.of(settings)), roots, keys),
        ClaudeCode(roots, ClaudeSdk.from_settings(settings)),
        SendEmail(rules, roots, SentLog(settings.undo), grace),
        SearchFiles(roots, grace),
        WebSearch(settings.web_search_url, policy, grace),
        Webhook(policy, settings.webhook_secret.get_secret_value(), grace),
    ]
