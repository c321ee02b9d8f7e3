"""Whether a server may listen where it is told to: beyond its own machine only where somebody has to show a key, or
where it was told in words that anybody may.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.settings import Settings


def refuse_an_open_door(settings: Settings, *, keys: bool) -> None:
    """Raises ``SettingsError`` where the port can be reached from elsewhere and nobody is asked for a key."""
    if keys or settings.allow_without_keys or only_here(settings.backend_host):
        return
    raise SettingsError(
        f"BACKEND_HOST {settings.backend_host} can be reached from other machines, and without a key anyone who does "
        "can run commands here: make a key with `agent03 key create --subject root --scopes admin`, listen on "
        "127.0.0.1, or set ALLOW_WITHOUT_KEYS=yes where something else guards the port"
    )


def only_here(host: str) -> bool:
    """Whether an address belongs to this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
