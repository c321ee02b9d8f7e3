"""Which addresses may be reached: the decision by itself."""

from __future__ import annotations

import pytest

from engine.errors import SettingsError
from engine.tools.addresses import AddressPolicy

NOBODY = AddressPolicy()


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_global_addresses_are_open(address: str) -> None:
    assert NOBODY.allows("example.org", 443, address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1", "255.255.255.255", "224.0.0.1", "239.1.1.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"),
        *("2002:a00:1::", "not an address", ""),
    ],
)
def test_all_others_are_closed(address: str) -> None:
    assert not NOBODY.allows("example.org", 443, address)


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allowed"),
    [
        ("10.0.0.0/8", "any.example", 80, "10.9.9.9", True),
        ("10.0.0.0/8", "any.example", 80, "11.0.0.1", True),
        ("10.0.0.0/8", "any.example", 80, "192.168.0.1", False),
        ("10.0.0.7/8", "any.example", 80, "10.9.9.9", True),
        ("10.0.0.0/8", "any.example", 80, "::ffff:10.9.9.9", True),
        ("fd00::/8", "any.example", 80, "fd00::5", True),
        ("127.0.0.1", "localhost", 9, "127.0.0.1", True),
        ("127.0.0.1", "localhost", 9, "127.0.0.2", False),
        ("127.0.0.1:8080", "localhost", 8080, "127.0.0.1", True),
        ("127.0.0.1:8080", "localhost", 8081, "127.0.0.1", False),
        ("[::1]:8080", "localhost", 8080, "::1", True),
        ("[::1]:8080", "localhost", 80, "::1", False),
        ("[::1]", "localhost", 80, "::1", True),
        ("::1", "localhost", 80, "::1", True),
        ("Intranet.Example", "intranet.example.", 80, "10.0.0.1", True),
        ("intranet.example:81", "intranet.example", 80, "10.0.0.1", False),
        ("intranet.example:81", "intranet.example", 81, "10.0.0.1", True),
        ("intranet.example", "other.example", 80, "10.0.0.1", False),
    ],
)
def test_entries_open_what_they_name(entry: str, host: str, port: int, address: str, allowed: bool) -> None:
    assert AddressPolicy.parse([entry]).allows(host, port, address) is allowed


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/99", "a/b", "host:", "host:0", "host:65536", "host:http", ":80", "[::1", "[::1]x", "a:b:c", "a b", ""],
)
def test_an_unreadable_entry_is_told(entry: str) -> None:
    with pytest.raises(SettingsError, match="HTTP_ALLOW_PRIVATE"):
        AddressPolicy.parse(["localhost", entry])
