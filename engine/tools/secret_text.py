"""Whether a text holds what looks like a secret: keys and tokens that have a form of their own. A pure look.

It knows what cannot be anything else, so that a letter about passwords still goes out; whoever wants to smuggle a
secret out finds another form. It stops accidents: a log with a token in it, a configuration file as an attachment.
"""

from __future__ import annotations

import re

_FORMS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("a private key", ("PRIVATE KEY",), r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    ("an access key of AWS", ("AKIA", "ASIA"), r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    (
        "a token of GitHub",
        ("gh", "github_pat_"),
        r"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})",
    ),
    ("a token of GitLab", ("glpat-",), r"(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20}"),
    ("a token of Slack", ("xox",), r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{20}"),
    ("an API key", ("sk-",), r"(?<![A-Za-z0-9])sk-(?:ant-|proj-|live-)?[A-Za-z0-9_-]{24}"),
    ("a key of Stripe", ("k_live_",), r"(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{20}"),
    ("a key of Google", ("AIza",), r"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}"),
    ("a secret for webhooks", ("whsec_",), r"(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/]{32}"),
    (
        "a signed token (JWT)",
        ("eyJ",),
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,1500}\.[A-Za-z0-9_-]{16}",
    ),
    (
        "credentials in a header",
        ("uthorization", "UTHORIZATION"),
        r"(?i:authorization):\s{0,8}(?i:bearer|basic)\s{1,8}[A-Za-z0-9+/._~=-]{12}",
    ),
    ("a password in an address", ("://",), r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,100}:[^\s:/@]{3,100}@"),
)
_KNOWN = tuple((what, parts, re.compile(form)) for what, parts, form in _FORMS)
_WHOLE = tuple(
    (parts, re.compile(form + (r"(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}-----|\Z)" if "BEGIN" in form else r"[\w+/=.~-]*")))
    for _, parts, form in _FORMS
)
"""The same to its end: a form stops where it is sure."""
_WINDOW = 65_536
"""Characters that are looked at in one go: a pattern holds up everything else while it searches."""
_OVERLAP = 2_100
"""More than the longest form."""


def secret_in(text: str) -> str | None:
    """What kind of secret a text seems to hold, without its value; None when there is none."""
    for what, parts, form in _KNOWN:
        if not any(part in text for part in parts):  # quick, and true of most texts
            continue
        for start in range(0, max(1, len(text)), _WINDOW):
            if form.search(text, start, start + _WINDOW + _OVERLAP):
                return what
    return None


def without_secrets(text: str) -> str:
    """The text with each of these in it left out: ``***`` stands in its place."""
    for parts, form in _WHOLE:
        if any(part in text for part in parts):
            text = form.sub("***", text)
    return text
