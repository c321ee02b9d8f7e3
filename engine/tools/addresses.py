"""Which network addresses ``http_request`` may connect to: a pure decision about one connected address.

Private, loopback, link-local and other non-global addresses are refused, whatever name led to them, unless an entry
of HTTP_ALLOW_PRIVATE lets them through: a network ("10.1.0.0/16"), an address or a host name, both with or without a
port ("127.0.0.1:8080", "[::1]:8080", "intranet.example"). A host name lets through whatever it resolves to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.errors import SettingsError
from engine.model import Json

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_USUAL_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Parsed entries: (network, port or None) and (host name, port or None)."""

    networks: tuple[tuple[Network, int | None], ...] = ()
    hosts: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> AddressPolicy:
        """Reads the entries of HTTP_ALLOW_PRIVATE; raises ``SettingsError`` naming the first wrong one."""
        networks: list[tuple[Network, int | None]] = []
        hosts: set[tuple[str, int | None]] = set()
        for entry in entries:
            if "/" in entry:
                networks.append((_network(entry), None))
                continue
            host, port = _host_and_port(entry)
            address = _address(host)
            if address is None:
                hosts.add((host.lower().rstrip("."), port))
            else:
                networks.append((ipaddress.ip_network(address), port))
        return cls(tuple(networks), frozenset(hosts))

    def also(self, endpoint: str) -> AddressPolicy:
        """This policy, and one host[:port] that an operator has set; the same for ""."""
        if not endpoint:
            return self
        host, port = _host_and_port(endpoint)
        return AddressPolicy(self.networks, self.hosts | {(host.lower().rstrip("."), port)})

    def allows(self, host: str, port: int, address: str) -> bool:
        """Whether a connection to ``address``, which ``host`` was resolved to, may be made."""
        found = _address(address)
        if found is None:
            return False
        name = host.lower().rstrip(".")
        if (name, port) in self.hosts or (name, None) in self.hosts:
            return True
        real = _embedded(found)
        if any(real in network and wanted in (port, None) for network, wanted in self.networks):
            return True
        return real.is_global and not real.is_multicast


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _network(entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise _unreadable(entry) from None


def _host_and_port(entry: str) -> tuple[str, int | None]:
    if _address(entry) is not None:
        return entry, None
    host, port = entry, ""
    if entry.startswith("["):
        host, closed, rest = entry[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise _unreadable(entry)
        port = rest[1:]
    elif ":" in entry:
        host, _, port = entry.rpartition(":")
        if not port:
            raise _unreadable(entry)
    if not host or (":" in host and _address(host) is None) or any(char.isspace() for char in host):
        raise _unreadable(entry)
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise _unreadable(entry)
    return host, int(port) if port else None


def _unreadable(entry: str) -> SettingsError:
    return SettingsError(
        f"HTTP_ALLOW_PRIVATE: {entry!r} is neither host[:port] nor a network such as 10.0.0.0/8; correct it"
    )


def web_address(value: str) -> str:
    """An http or https address as it is; raises ``ValueError`` for anything else."""
    try:
        parts = urlsplit(value)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    if not complete or not value.isprintable() or " " in value:
        raise ValueError("must be a URL such as https://host/path")
    return value


def endpoint_of(url: Json) -> str:
    """Whom a URL leads to: its host in small letters, with a port that is not the usual one of its scheme; "" when
    that cannot be told.
    """
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host.rstrip(".")
    return host if port in (None, _USUAL_PORTS.get(parts.scheme)) else f"{host}:{port}"
