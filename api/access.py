"""Who may ask what: the scope that each operation needs, and the key that a request shows.

Nothing is asked for until the first key exists. A key is looked up in memory, so a request costs no question to the
graph. ``authorize`` is a dependency of every route, and a route that is not in ``NEEDS`` is for admins only.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.door import known_name
from api.isolation import confine
from api.problems import MISSING_SCOPE, NOT_FROM_HERE, UNAUTHORIZED, UNKNOWN_NAME, Refused
from engine.keys.key import ApiKey, Scope
from engine.keys.ring import Keyring, refused

READ, SUBMIT, OPERATE, APPROVE, ADMIN = Scope.READ, Scope.SUBMIT, Scope.OPERATE, Scope.APPROVE, Scope.ADMIN
NEEDS: Mapping[str, Scope | None] = {
    # for probes and browsers, which cannot send a key
    **dict.fromkeys(("get_liveness", "get_readiness", "get_page", "get_page_file"), None),
    **dict.fromkeys(("get_browser_style", "get_browser_guide", "allow_browser", "openapi"), None),
    # what changes nothing
    **dict.fromkeys(
        ("list_tasks", "get_task", "list_subtasks", "get_subtask", "get_graph", "get_browser_guide_of_task"), READ
    ),
    **dict.fromkeys(("list_events", "watch_tasks", "watch_task"), READ),
    **dict.fromkeys(("list_approvals", "list_approvals_of_task"), READ),
    **dict.fromkeys(("why_task", "why_subtask", "get_report", "list_reports", "diff_tasks", "what_if"), READ),
    **dict.fromkeys(("list_tools", "list_templates", "get_stats", "list_estimates"), READ),
    **dict.fromkeys(("get_cache_stats", "explain_cache", "list_graph_queries", "run_graph_query"), READ),
    **dict.fromkeys(("get_health", "get_metrics", "preview_route", "get_router_schema"), READ),
    **dict.fromkeys(("read_task_file", "get_shared_value", "get_subtask_file", "get_taint"), READ),
    **dict.fromkeys(("list_logs", "search_embeddings"), READ),
    **dict.fromkeys(("list_agents", "list_available_agents", "get_agent", "list_pools"), READ),
    # what it does for a client it asks for once more, in the name of its caller
    **dict.fromkeys(("call_mcp",), READ),
    # what brings work in: a rerun may change any subtask, and a preview says which secrets there are
    **dict.fromkeys(("create_task", "rerun_task", "preview_plan"), SUBMIT),
    # what steers work that is in
    **dict.fromkeys(("cancel_task", "pause_task", "resume_task", "retry_subtask", "skip_subtask"), OPERATE),
    **dict.fromkeys(("delete_task", "recall_outputs", "invalidate_cache"), OPERATE),
    **dict.fromkeys(("write_task_file", "set_shared_value", "reset_tool", "scale_pool"), OPERATE),
    **dict.fromkeys(("approve_subtask", "reject_subtask", "decide_approvals"), APPROVE),
    # what agents say: with AGENT_TOKEN they show that, and without it whoever hears inputs has to be trusted
    **dict.fromkeys(("register_agent", "beat_agent", "remove_agent", "return_result"), ADMIN),
    # what sees every namespace, and what hands out keys
    **dict.fromkeys(("query_graph", "list_keys", "create_key", "revoke_key"), ADMIN),
}
"""By the name of its function, the scope that an operation needs; None where nobody is asked."""

NO_KEY = "This server asks for a key: send it as Authorization: Bearer KEY, or as X-API-Key. An admin makes one with "
NO_KEY += "'agent03 key create'."
WRONG_KEY = "This key is not known here, or it was revoked. An admin makes another with 'agent03 key create'."
FIRST_KEY = "The first key is made from the machine of the server, with 'agent03 key create', not through a proxy or a "
FIRST_KEY += "browser."
OF_AGENTS = frozenset({"register_agent", "beat_agent", "remove_agent", "return_result"})
NO_AGENT_OF_OURS = (
    "Agents of this engine show AGENT_TOKEN as Authorization: Bearer TOKEN: start yours with that of the "
)
NO_AGENT_OF_OURS += "engine."
NO_NAME_OF_OURS = (
    "Without keys this server is asked by its address or by a name that no other site can have. Make a key "
)
NO_NAME_OF_OURS += "('agent03 key create'), or put the name into ALLOWED_HOSTS"
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "origin", "sec-fetch-site")
"""Headers that say that somebody else is behind a request from loopback."""
CHALLENGE = "WWW-Authenticate"


def scope_of(name: str) -> Scope | None:
    """What an operation needs; admin where nobody has said."""
    return NEEDS.get(name, ADMIN)


async def authorize(connection: HTTPConnection) -> None:
    """Lets a request through, or a WebSocket before it is accepted; notes whose it is.

    Raises:
        Refused: 401 without a good key, 403 where its scopes or its user do not do, 429 where it has sent too many;
            while there are no keys 403 for a name that may be another site's.
        NotFound: for a task of another user.
    """
    connection.state.caller, connection.state.subject = None, ""
    ring: Keyring = connection.app.state.engine.keyring
    name = connection.scope["route"].name
    if name in OF_AGENTS and _is_agent(connection, ring):
        return
    needed = scope_of(name)
    if needed is None:
        return
    if not ring.active:
        _refuse_strange_name(connection)
        if name == "create_key":
            _only_from_here(connection)
        return
    caller = connection.state.caller = _holder(ring, connection)
    connection.state.subject = caller.subject
    if not caller.may(needed):
        challenge = f'Bearer realm="agent03", error="insufficient_scope", scope="{needed.value}"'
        raise Refused(MISSING_SCOPE, refused(needed, caller), {CHALLENGE: challenge})
    await connection.app.state.allowance.spend(caller)
    await confine(connection, caller, name)


def _is_agent(connection: HTTPConnection, ring: Keyring) -> bool:
    """Whether an agent shows the token that agents have; False where a key has to say it. Raises 401."""
    token = connection.app.state.settings.agent_token.get_secret_value()
    if not token:
        return False
    shown = shown_key(connection.headers)
    if hmac.compare_digest(shown.encode(errors="replace"), token.encode()):
        return True
    if ring.active and ring.holder(shown) is not None:
        return False
    raise Refused(UNAUTHORIZED, NO_AGENT_OF_OURS, {CHALLENGE: 'Bearer realm="agent03"'})


def _holder(ring: Keyring, connection: HTTPConnection) -> ApiKey:
    shown = shown_key(connection.headers)
    if not shown:
        raise Refused(UNAUTHORIZED, NO_KEY, {CHALLENGE: 'Bearer realm="agent03"'})
    found = ring.holder(shown)
    if found is None:
        raise Refused(UNAUTHORIZED, WRONG_KEY, {CHALLENGE: 'Bearer realm="agent03", error="invalid_token"'})
    return found


def shown_key(headers: Mapping[str, str]) -> str:
    """The key that a request shows; "" when it shows none."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return headers.get("x-api-key", "").strip()


def _refuse_strange_name(connection: HTTPConnection) -> None:
    host = connection.headers.get("host", "")
    if not known_name(host, connection.app.state.settings.allowed_hosts):
        raise Refused(UNKNOWN_NAME, f"{NO_NAME_OF_OURS} (asked for: {host[:200]!r})")


def _only_from_here(connection: HTTPConnection) -> None:
    """Raises 403 unless the first key is asked for on the machine itself."""
    host = connection.client.host if connection.client else ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = not host  # a socket of this machine
    if not here or any(name in connection.headers for name in FORWARDED):
        raise Refused(NOT_FROM_HERE, FIRST_KEY)


async def _caller(connection: HTTPConnection) -> ApiKey | None:
    caller: ApiKey | None = connection.state.caller
    return caller


async def _subject(connection: HTTPConnection) -> str:
    return str(connection.state.subject)


Caller = Annotated[ApiKey | None, Depends(_caller)]
"""The key of whoever asks; None where none is asked for."""
Subject = Annotated[str, Depends(_subject)]
"""Who asks, for the record; "" where no key is asked for."""


def still_good(connection: HTTPConnection) -> bool:
    """Whether the key that a request came with would still be let through, for answers that go on."""
    caller: ApiKey | None = connection.state.caller
    ring: Keyring = connection.app.state.engine.keyring
    return ring.holds(caller) if caller else not ring.active
