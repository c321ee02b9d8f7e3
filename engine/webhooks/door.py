"""What is refused of ``callbacks`` before anything is stored: what could not be signed, and private addresses.

A name may lead to a private address too; that shows when it is called, and the guarded client refuses it there.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from engine.errors import Fault, InvalidInput
from engine.plan.schema import TaskRequest
from engine.tools.addresses import AddressPolicy


class Door:
    """Checks the callbacks of a task.

    Args:
        policy: which private addresses may be called.
        signed: whether there is a secret to sign with.
    """

    def __init__(self, policy: AddressPolicy, signed: bool) -> None:
        self._policy, self._signed = policy, signed

    def refuse(self, request: TaskRequest) -> None:
        """Raises ``InvalidInput`` with every fault."""
        if not request.callbacks:
            return
        faults = []
        if not self._signed:
            text = "cannot be signed: set WEBHOOK_SECRET for the engine, or leave callbacks out"
            faults.append(Fault("/callbacks", text))
        for number, callback in enumerate(request.callbacks):
            if fault := self._of(callback.url):
                faults.append(Fault(f"/callbacks/{number}/url", fault))
        if faults:
            raise InvalidInput(faults)

    def _of(self, url: str) -> str:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return ""
        if self._policy.allows(host, port, host):
            return ""
        return f"is a private or local address; if it is meant, add {host}:{port} to HTTP_ALLOW_PRIVATE"
