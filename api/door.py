"""Whether a server may listen where it is told to, and by which names it may be asked there.

It listens beyond its own machine only where somebody has to show a key, or where it was told in words that anybody may.
While nobody shows a key a browser is the way in: the owner of a name can let it lead to an address of this machine, and
a page under that name is then no other site's. So the name has to be one that nobody can own, or one that is allowed.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.settings import Settings


NOBODYS = frozenset({"localhost", "local", "internal", "lan", "home.arpa", "test"})
"""Ends of names that are given to nobody in public: no page of another site has one."""


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


def known_name(host: str, allowed: Collection[str]) -> bool:
    """Whether a request for ``host`` (name and port, as its header says) can only mean this server.

    ``allowed`` are public names that it has. No name at all is known: every browser sends one.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if "." not in name or name in {one.lower().rstrip(".") for one in allowed}:
        return True
    if any(name.endswith(f".{end}") for end in NOBODYS):
        return True
    try:
        return bool(ip_address(name))
    except ValueError:
        return False
