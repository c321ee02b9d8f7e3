"""How a pool of workers is set up, from the settings."""

from __future__ import annotations

import os
import socket
import uuid

from engine.agents.roles import Roles
from engine.errors import SettingsError
from engine.model import Value
from engine.settings import Settings

BEATS_PER_LEASE = 5
"""How often a worker says within a lease that it lives."""
BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 60.0
"""Wait before a failed worker is started again; it doubles."""
LOOK_SECONDS = 1.0
"""How often a pool looks whether it should have another size."""
ANNOUNCED_SECONDS = 5.0
"""How often a pool says in Redis how it is."""


class WorkerConfig(Value, frozen=True):
    """One pool: its ``name``, how many workers, for which ``roles`` (none: all), ``lease`` and ``grace`` in seconds.

    ``known`` holds every role that there is: an event of another one is refused and not passed on.
    """

    name: str
    count: int
    roles: tuple[str, ...]
    known: frozenset[str]
    lease: float
    grace: float
    keep_seconds: int

    @staticmethod
    def from_settings(settings: Settings, roles: Roles) -> WorkerConfig:
        """The pool that the settings describe.

        Raises:
            SettingsError: there is no Redis, no key for Claude, or a role in WORKER_ROLES that there is not.
        """
        if not settings.redis_url:
            raise SettingsError("REDIS_URL is empty: workers take their work from Redis; set it as for the engine")
        if not settings.anthropic_api_key.get_secret_value():
            raise SettingsError("ANTHROPIC_API_KEY is empty: workers ask Claude; set it")
        for role in settings.worker_roles:
            if fault := roles.fault(role):
                raise SettingsError(f"WORKER_ROLES: {fault}")
        return WorkerConfig(
            name=f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
            count=settings.worker_count,
            roles=tuple(dict.fromkeys(settings.worker_roles)),
            known=frozenset(roles.names()),
            lease=settings.worker_lease_seconds,
            grace=settings.shutdown_grace_seconds,
            keep_seconds=settings.worker_keep_seconds,
        )

    def serves(self, role: str) -> bool:
        """Whether its workers may run an agent in this role."""
        return not self.roles or role in self.roles
