"""Keys of the API: how they are made, and what a server knows of them at any moment."""

from __future__ import annotations

from typing import Any, cast

import pytest

from api.access import NEEDS, scope_of, shown_key
from api.app import create_app
from api.environment import engine_key, names_a_server
from api.metrics import Metrics
from engine.errors import InvalidInput, NotFound
from engine.keys.key import PREFIX, ApiKey, Scope, check, digest, new_key
from engine.keys.ring import Keyring
from engine.service import Engine
from engine.settings import Settings
from tests.support.fake_engine import FakeEngine, KeysInMemory


class Counting(KeysInMemory):
    """Counts how often the keys are read."""

    reads = 0

    async def api_keys(self) -> list[ApiKey]:
        self.reads += 1
        return await super().api_keys()


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def ring(store: Counting) -> Keyring:
    numbers = iter(range(1, 100))
    return Keyring(store, lambda _: f"K{next(numbers)}", lambda: 7)


def test_a_key_is_256_random_bits_and_kept_as_a_hash() -> None:
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    assert {len(key) for key in keys} == {46}
    assert all(key.startswith(PREFIX) and len(digest(key)) == 64 for key in keys)


@pytest.mark.parametrize(
    ("subject", "scopes", "first", "places"),
    [
        ("", ["read"], False, ["/subject"]),
        (" x", ["nothing", "read", "all"], False, ["/subject", "/scopes/0", "/scopes/2"]),
        ("x\n", [], False, ["/subject", "/scopes"]),
        ("ci", ["read", "submit"], True, ["/scopes"]),
    ],
)
def test_a_key_that_cannot_be_says_why(subject: str, scopes: list[str], first: bool, places: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(subject, scopes, first=first)
    assert [fault.pointer for fault in refused.value.faults] == places


async def test_the_first_key_switches_them_on_for_good_and_a_look_reads_nothing(ring: Keyring, store: Counting) -> None:
    await ring.load()
    assert not ring.active
    admin, text = await ring.create("root", ["admin", "admin"], by="me")
    other, second = await ring.create("ci", ["read"], user_id="ann", by="root")
    assert (admin.scopes, admin.created_by, other.user_id) == ((Scope.ADMIN,), "me", "ann")
    reads = store.reads
    assert ring.holder(text) == admin
    assert ring.holder(second) == other
    assert ring.holder("a3_nothing") is None
    assert store.reads == reads
    revoked = await ring.revoke(admin.id, by="root")
    assert (revoked.revoked_at, revoked.revoked_by) == (7, "root")
    await ring.revoke(other.id)
    assert ring.holder(text) is ring.holder(second) is None
    assert not ring.holds(admin)
    assert ring.active
    with pytest.raises(NotFound):
        await ring.revoke("K99")


async def test_what_another_server_does_is_read_when_it_is_heard_of(ring: Keyring, store: Counting) -> None:
    await ring.load()
    other = Keyring(store, lambda _: "K50", lambda: 8)
    key, text = await other.create("root", ["admin"])
    for changes in (None, 0):
        await ring.heard(changes)
        assert ring.holder(text) is None
    await ring.heard(1)
    assert ring.holder(text) == key
    reads = store.reads
    await ring.heard(1)
    assert store.reads == reads
    await other.revoke(key.id)
    await ring.heard(2)
    assert ring.holder(text) is None


def test_admin_may_everything_and_no_other_scope_includes_another() -> None:
    for scope in Scope:
        key = ApiKey("K", "h", "x", (scope,))
        assert [other for other in Scope if key.may(other)] == (list(Scope) if scope is Scope.ADMIN else [scope])


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer k"}, "k"),
        ({"authorization": "bearer  k "}, "k"),
        ({"x-api-key": "k"}, "k"),
        ({"authorization": "Basic eDp5", "x-api-key": "k"}, "k"),
        ({"authorization": "Basic eDp5"}, ""),
        ({}, ""),
    ],
)
def test_a_key_comes_in_one_of_two_headers(headers: dict[str, str], key: str) -> None:
    assert shown_key(headers) == key


def test_every_operation_has_a_scope_and_every_scope_of_the_table_an_operation() -> None:
    app = create_app(cast(Engine, FakeEngine()), Settings(), Metrics())
    found: list[Any] = list(app.router.routes)
    nested = [list(route.original_router.routes) if hasattr(route, "original_router") else [route] for route in found]
    names = {route.name for routes in nested for route in routes}
    assert names - NEEDS.keys() == set(), "say in api/access.py who may ask it"
    assert NEEDS.keys() - names == set()
    assert scope_of("of nobody knows what") is Scope.ADMIN


def test_the_command_line_finds_its_key_and_server_in_the_environment() -> None:
    assert engine_key({"ENGINE_KEY": "one", "AGENT03_KEY": "two"}) == "two"
    assert engine_key({"ENGINE_KEY": "one", "AGENT03_KEY": ""}) == "one"
    assert engine_key({}) == ""
    assert [names_a_server(found) for found in ({}, {"ENGINE_URL": "http://x"})] == [False, True]
