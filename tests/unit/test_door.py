"""Where a server may listen, and how often a key may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.allowance import Allowance
from api.cli.serve import serve_api
from api.door import known_name, only_here, refuse_an_open_door
from api.problems import Refused
from engine.errors import SettingsError
from engine.keys.key import ApiKey, Scope
from engine.settings import Settings
from tests.support.clock import FakeClock

HERE = ("127.0.0.1", "127.8.8.8", "::1", "localhost")
ELSEWHERE = ("0.0.0.0", "::", "10.1.2.3", "engine.example", "")


def test_which_addresses_are_of_this_machine_alone() -> None:
    assert [host for host in HERE + ELSEWHERE if only_here(host)] == list(HERE)


@pytest.mark.parametrize("host", HERE + ELSEWHERE)
@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("allowed", [False, True])
def test_beyond_this_machine_it_listens_only_with_keys_or_where_it_was_told_to(
    host: str, keys: bool, allowed: bool
) -> None:
    settings = Settings(backend_host=host, allow_without_keys=allowed)
    if host in HERE or keys or allowed:
        refuse_an_open_door(settings, keys=keys)
        return
    with pytest.raises(SettingsError, match=r"agent03 key create .* ALLOW_WITHOUT_KEYS=yes"):
        refuse_an_open_door(settings, keys=keys)


async def test_a_server_without_keys_does_not_begin_to_listen_for_others(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can be reached from other machines"):
        await serve_api(Settings(backend_host="0.0.0.0", backend_port=0, data_path=tmp_path))


@pytest.mark.parametrize(
    ("host", "known"),
    [
        *[(name, True) for name in ("", "localhost:8003", "127.0.0.1", "[::1]:8003", "10.1.2.3:80", "engine:8003")],
        *[
            (name, True)
            for name in ("a.localhost", "engine.ns.svc.cluster.local", "Engine.Example.COM:1", "engine.lan.")
        ],
        *[(name, True) for name in ("engine.example.com.", "x.internal")],
        *[(name, False) for name in ("evil.example", "evil.example:8003", "localhost.evil.example", "engine.example")],
        *[(name, False) for name in ("127.0.0.1.evil.example", "local.evil.example", "1.2.3", "1.2.3.4.5", "a.b:x.y")],
        *[
            (name, False)
            for name in ("user@evil.example", "[::1", "evil.example/127.0.0.1", "evil.locals", "x.evil-local")
        ],
    ],
)
def test_a_name_that_may_be_another_sites_is_not_known(host: str, known: bool) -> None:
    assert known_name(host, ["engine.example.com"]) is known


async def test_a_key_may_send_so_many_requests_in_any_minute_and_others_are_not_touched() -> None:
    clock = FakeClock()
    allowance = Allowance(3, clock)
    ann, bob = (ApiKey(name, "", name, (Scope.READ,)) for name in ("ann", "bob"))
    for _ in range(3):
        await allowance.spend(ann)
        clock.advance(10)
    with pytest.raises(Refused, match="ann may send 3 requests a minute") as refused:
        await allowance.spend(ann)
    assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "31"})
    await allowance.spend(bob)
    clock.advance(31)
    await allowance.spend(ann)
    with pytest.raises(Refused):
        await allowance.spend(ann)


async def test_without_a_rate_nothing_is_counted() -> None:
    allowance = Allowance(0, FakeClock())
    for _ in range(10_000):
        await allowance.spend(ApiKey("1", "", "ann", (Scope.READ,)))
