"""Where a server may listen, and how often a key may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.allowance import Allowance
from api.cli.serve import serve_api
from api.door import only_here, refuse_an_open_door
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
