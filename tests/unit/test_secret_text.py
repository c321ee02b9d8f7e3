"""What looks like a secret, and what does not."""

from __future__ import annotations

import time

import pytest

from engine.tools.secret_text import secret_in

SECRETS = {
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "an access key of AWS": "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    "a token of GitHub": f"token: ghp_{'a1' * 18}",
    "a token of GitLab": f"glpat-{'a1' * 10}",
    "a token of Slack": "xoxb-123456789012-abcdefghij",
    "an API key": f"sk-ant-{'a1' * 14}",
    "a key of Stripe": f"sk_live_{'a1' * 12}",
    "a key of Google": f"AIza{'a' * 35}",
    "a secret for webhooks": f"whsec_{'a1B2' * 8}",
    "a signed token (JWT)": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{'a' * 43}",
    "credentials in a header": "Authorization: Bearer abcdef0123456789",
    "a password in an address": "postgres://ada:open-sesame@db/prod",
}
HARMLESS = [
    "Please reset your password: you know how.",
    "The task-force met at http://example.org:8080/path@home, ask sk-8 skaters.",
    "-----BEGIN CERTIFICATE-----",
    "sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "Authorization: see the manual",
    "AKIA is a prefix, and ghp_ another",
]


@pytest.mark.parametrize("what", SECRETS)
def test_secrets_are_recognised(what: str) -> None:
    assert secret_in(f"before {SECRETS[what]} after") == what


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_is_not(text: str) -> None:
    assert secret_in(text) is None


@pytest.mark.parametrize("text", ["eyJ" * 300_000, "a://" * 250_000, "-----BEGIN " * 90_000, "sk-" * 300_000])
def test_a_hostile_text_takes_no_time(text: str) -> None:
    started = time.process_time()
    secret_in(text)
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("before", [65_530, 65_536, 131_000, 200_000])
def test_a_secret_is_found_wherever_it_is(before: int) -> None:
    assert secret_in("x" * (before - 1) + " AKIAIOSFODNN7EXAMPLE " + "y" * 100_000) == "an access key of AWS"
