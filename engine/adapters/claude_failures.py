"""What keeps Claude from answering, each case told apart: a word for the record, a category, and what to do. Pure.

The API's stable code decides first, then its type of error, then the HTTP status: an error that comes in the middle of
a stream has the status 200, and the wording of a message may change any day.
"""

from __future__ import annotations

import math

from engine.errors import Category
from engine.language import NoAnswer
from engine.model import Value

LONGEST_DELAY_SECONDS = 3600.0
"""A wish to be left alone is obeyed up to this long."""
_SHOWN = 300
_SPENT = frozenset(
    {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_billing_unavailable",
        "linked_organization_spend_limit_reached",
        "organization_on_hold",
    }
)
_STATUSES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "path",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Refusal(Value, frozen=True):
    """An error as the API sends it. ``delay`` is its ``Retry-After`` in seconds, ``model`` what was asked."""

    status: int
    type: str
    code: str
    message: str
    delay: float | None
    model: str
    address: str

    @property
    def detail(self) -> str:
        """What the API itself says, shortened, as the end of a message."""
        said = " ".join(self.message.split())
        return f": {said[:_SHOWN]}" if said else ""


def failure(refusal: Refusal) -> NoAnswer:
    """The error of an attempt that the API has refused."""
    if refusal.code in _SPENT:
        return _no_credit(refusal)
    if refusal.code == "request_body_too_large_after_decoding" or refusal.status == 413:
        return _too_large(refusal)
    word = refusal.type if refusal.type in _CASES else _STATUSES.get(refusal.status, "")
    return _CASES.get(word, _unknown)(refusal)


def timed_out(address: str, seconds: float) -> NoAnswer:
    """No answer within the time that the settings give."""
    return NoAnswer(
        "timeout",
        f"Claude did not answer within {seconds:g} s ({address})",
        Category.TIMEOUT,
        "Ask for less, lower max_tokens, or raise CLAUDE_TIMEOUT_SECONDS.",
    )


def unreachable(address: str, reason: str) -> NoAnswer:
    """No connection, or one that broke."""
    return NoAnswer(
        "unreachable",
        f"Claude cannot be reached at {address}: {reason}",
        Category.TRANSIENT,
        "Check the network, a proxy, and ANTHROPIC_BASE_URL.",
    )


def unreadable(address: str) -> NoAnswer:
    """Something answers that is not Claude."""
    return NoAnswer(
        "not Claude",
        f"what {address} answers is not an answer of Claude",
        Category.CONFIGURATION,
        "Correct ANTHROPIC_BASE_URL, or leave it out for the public API.",
        repeat=False,
    )


def _no_credit(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "no credit",
        f"the account has no credit left, or its spend limit is reached{refusal.detail}",
        Category.CONFIGURATION,
        "Add credit or raise the limit in the Claude console, then retry the subtask.",
        repeat=False,
    )


def _wrong_key(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "wrong key",
        f"Claude refuses the key{refusal.detail}",
        Category.CONFIGURATION,
        "Set ANTHROPIC_API_KEY to a valid key and start the engine again.",
        repeat=False,
    )


def _forbidden(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "forbidden",
        f"the key may not use {refusal.model}{refusal.detail}",
        Category.CONFIGURATION,
        "Allow it in the Claude console, or name another model.",
        repeat=False,
    )


def _unknown_model(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "unknown model",
        f"Claude knows no model {refusal.model}{refusal.detail}",
        Category.CONFIGURATION,
        "Correct the model of the subtask, or PLANNING_MODEL and CLAUDE_MODEL.",
        repeat=False,
    )


def _rate_limit(refusal: Refusal) -> NoAnswer:
    wait = "" if refusal.delay is None else f", which asks for {refusal.delay:g} s of rest"
    return NoAnswer(
        "rate limit",
        f"the rate limit of Claude is reached{wait}{refusal.detail}",
        Category.TRANSIENT,
        "Run fewer claude subtasks at the same time (TYPE_LIMITS=claude:2), or ask for a higher limit.",
        delay=_bounded(refusal.delay),
    )


def _overloaded(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "overloaded",
        f"Claude is overloaded{refusal.detail}",
        Category.TRANSIENT,
        "It is repeated; come back later if it lasts.",
        delay=_bounded(refusal.delay),
    )


def _broken(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "server error",
        f"Claude has an error of its own (status {refusal.status}){refusal.detail}",
        Category.TRANSIENT,
        "It is repeated; look at status.claude.com if it lasts.",
        delay=_bounded(refusal.delay),
    )


def _too_large(refusal: Refusal) -> NoAnswer:
    return NoAnswer(
        "too large",
        f"the question is too large for Claude{refusal.detail}",
        Category.CONFIGURATION,
        "Shorten it, or split it with a map.",
        repeat=False,
    )


def _bad_request(refusal: Refusal) -> NoAnswer:
    if "credit balance" in refusal.message:  # this one case still comes without a type of its own
        return _no_credit(refusal)
    return NoAnswer(
        "bad request",
        f"Claude refuses the request as it is{refusal.detail}",
        Category.CONFIGURATION,
        "Correct what it names: max_tokens, the model, or the output_schema.",
        repeat=False,
    )


def _wrong_path(refusal: Refusal) -> NoAnswer:
    return unreadable(refusal.address)


def _unknown(refusal: Refusal) -> NoAnswer:
    return _broken(refusal) if refusal.status >= 500 else _bad_request(refusal)


def _bounded(delay: float | None) -> float | None:
    """A wish that is a number of seconds within reason."""
    return None if delay is None or math.isnan(delay) else min(max(delay, 0.0), LONGEST_DELAY_SECONDS)


_CASES = {
    "invalid_request_error": _bad_request,
    "authentication_error": _wrong_key,
    "billing_error": _no_credit,
    "permission_error": _forbidden,
    "not_found_error": _unknown_model,
    "path": _wrong_path,
    "rate_limit_error": _rate_limit,
    "overloaded_error": _overloaded,
    "timeout_error": _broken,
    "conflict_error": _broken,
    "api_error": _broken,
    "request_too_large": _too_large,
}
