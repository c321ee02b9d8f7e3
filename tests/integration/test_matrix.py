"""Every route by everybody: with no key, a wrong one, a revoked one, each scope, and the key of another user.

What each may do is written down in ``tests/support/matrix.py``. Each refused request is one that would do something:
a good body, about a task that there is. Afterwards the whole graph is compared with what it was before.
"""

from __future__ import annotations

from typing import Any, cast

import httpx2
import pytest

from api.app import Api, create_app, create_probes
from api.metrics import Metrics
from engine.service import Engine
from engine.settings import Settings
from tests.integration.test_keys import bearer
from tests.support.engines import Lab
from tests.support.everybody import Matrix, asks_somebody, good_place, matrix, place_of, place_of_task, rows, still
from tests.support.matrix import ADMIN, NONE, OPEN, PATH, SCOPES, TABLE
from tests.support.plans import plan, step
from tests.support.services import eventually

CHALLENGE = 'Bearer realm="agent03"'


def routes_of(app: Api) -> set[tuple[str, str]]:
    """Method and path of everything that an application answers."""
    found: list[Any] = list(app.router.routes)
    flat = [
        one
        for route in found
        for one in (route.original_router.routes if hasattr(route, "original_router") else [route])
    ]
    return {
        (method, route.path)
        for route in flat
        for method in (sorted(route.methods - {"HEAD"}) if getattr(route, "methods", None) else ["WS"])
    }


def test_every_route_is_in_the_table_and_nothing_else() -> None:
    app = create_app(cast(Engine, None), Settings(), Metrics())
    listed = [(row.method, row.path) for row in TABLE]
    assert routes_of(app) - set(listed) == set(), "say in tests/support/matrix.py who may ask it"
    assert set(listed) - routes_of(app) == set()
    assert len(listed) == len(set(listed))
    probes = routes_of(create_probes(cast(Engine, None), Settings(), Metrics()))
    assert probes <= set(listed)
    assert {row.path for row in TABLE if (row.method, row.path) in probes and row.scope == OPEN} == {
        *("/health/live", "/health/ready", "/openapi.json")
    }


# --- who is refused -------------------------------------------------------------------------------------------------


async def test_whoever_may_not_is_refused_and_nothing_changes(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        place, before = place_of(made, "ann"), await still(made)
        strangers = {
            "none": "",
            "wrong": "a3_" + "x" * 43,
            "revoked": made.keys["revoked"],
            "half": made.keys["root"][:-1],
        }
        for row in rows():
            what = (row.method, row.path)
            for who, key in strangers.items():
                told = await made.ask(row, key, place)
                assert (told.status, told.problem) == (401, "unauthorized"), (*what, who, told)
                assert told.headers["www-authenticate"].startswith(CHALLENGE), (*what, who)
            assert (await made.ask(row, "", place, authorization="Basic cm9vdDpyb290")).status == 401, what
            for scope in SCOPES:
                if scope not in (row.scope, ADMIN):
                    told = await made.ask(row, made.keys[scope], place)
                    assert (told.status, told.problem) == (403, "missing-scope"), (*what, scope, told)
                    assert f'scope="{row.scope}"' in told.headers["www-authenticate"], (*what, scope)
            if row.reach in (PATH, NONE):
                told = await made.ask(row, made.keys["bob"], place)
                wanted = (404, "not-found") if row.reach == PATH else (403, "other-user")
                assert (told.status, told.problem) == wanted, (*what, told)
            if row.method == "GET" and row.path != "/events":
                told = await made.head(row, "", place)
                assert (told.status, told.body) == (401, b""), what
                if row.scope != SCOPES[1]:
                    assert (await made.head(row, made.keys[SCOPES[1]], place)).status == 403, what
        assert await still(made) == before


async def test_a_page_of_another_site_changes_nothing_even_with_a_key(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        place, before = place_of(made, "ann"), await still(made)
        for row in TABLE:
            what = (row.method, row.path)
            if row.method not in ("GET", "OPTIONS", "WS"):
                for site in ("cross-site", "same-site"):
                    told = await made.ask(row, made.keys["root"], place, **{"sec-fetch-site": site})
                    assert (told.status, told.problem) == (403, "cross-site"), (*what, told)
                for site in ("https://evil.example", "null", "http://test:81", "http://[", ""):
                    told = await made.ask(row, made.keys["root"], place, origin=site)
                    assert (told.status, told.problem) == (403, "cross-site"), (*what, site, told)
            elif row.method == "WS":
                told = await made.ask(row, made.keys["root"], place, origin="https://evil.example")
                assert told.status == 1008, what
            else:
                told = await made.ask(row, "", place, origin="https://evil.example")
                open_to_all = row.path.startswith("/browser/")
                assert ("access-control-allow-origin" in told.headers) == (open_to_all and told.status < 300), what
                assert "access-control-allow-credentials" not in told.headers, what
        assert await still(made) == before


async def test_without_keys_a_name_that_another_site_may_have_gets_nothing(embedded_lab: Lab) -> None:
    """Its owner can let it lead here: to a browser the page under it and this server are then one site."""
    engine = await embedded_lab.start(allowed_hosts=["engine.example.com"])
    app = create_app(engine, engine.settings, Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        task_id = (await engine.submit(plan(step("a"), step("ask", "a", requires_approval=True)))).task_id
        await eventually(lambda: asks_somebody(engine, task_id))
        made = Matrix(engine, app, client, {}, {"ann": task_id, "bob": task_id})
        place = {**place_of_task(task_id), "key_id": "none"}
        before = await still(made)
        for row in TABLE:
            told = await made.ask(row, "", place, host="evil.example:8003", origin="http://evil.example:8003")
            if row.scope == OPEN:
                assert told.status not in (401, 403), (row.method, row.path, told)
            else:
                assert (told.status, told.problem) == (403, "unknown-name"), (row.method, row.path, told)
                assert b"ALLOWED_HOSTS" in told.body
        assert await still(made) == before
        for host in ("127.0.0.1:8003", "[::1]:8003", "localhost", "engine:8003", "engine.example.com"):
            assert (await client.get("/tasks", headers={"host": host})).status_code == 200, host
        _, key = await engine.keyring.create("root", [ADMIN])
        named = {"host": "evil.example:8003"}
        assert (await client.get("/tasks", headers=named)).status_code == 401
        assert (await client.get("/tasks", headers={**named, **bearer(key)})).status_code == 200


# --- who is let in --------------------------------------------------------------------------------------------------


async def test_the_scope_of_a_route_and_admin_are_let_in(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        for row in TABLE:
            place = await good_place(made, row, "ann")
            told = await made.ask(row, made.keys.get(row.scope, ""), place)
            assert told.status == row.good, (row.method, row.path, told)
            told = await made.ask(row, made.keys["root"], place)
            assert told.status not in (401, 403), (row.method, row.path, told)


async def test_the_key_of_one_user_does_all_that_its_scope_says_to_that_users_tasks(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        for row in rows():
            if row.reach == NONE:
                continue
            place = await good_place(made, row, "ann")
            told = await made.ask(row, made.keys[f"ann {row.scope}"], place)
            assert told.status == row.good, (row.method, row.path, told)


# --- agents ---------------------------------------------------------------------------------------------------------


async def test_the_token_of_agents_is_good_for_what_agents_say_and_for_nothing_else(embedded_lab: Lab) -> None:
    token = "open sesame please"
    async with matrix(embedded_lab, agent_token=token) as made:
        place = place_of(made, "ann")
        for row in rows():
            told = await made.ask(row, token, await good_place(made, row, "ann") if row.reach == NONE else place)
            says = row.scope == ADMIN and row.path.startswith("/agents")
            assert told.status == (row.good if says else 401), (row.method, row.path, told)
            if says:
                for scope in SCOPES[:-1]:
                    assert (await made.ask(row, made.keys[scope], place)).status == 403, (row.method, row.path, scope)
                assert (await made.ask(row, made.keys["bob"], place)).status == 403
                assert (await made.ask(row, token + "!", place)).status == 401
                assert (await made.ask(row, "", place)).status == 401


@pytest.mark.parametrize("scopes", [["read", "admin"], ["submit"]])
async def test_a_key_that_was_revoked_is_of_no_use_from_the_next_request_on(
    embedded_lab: Lab, scopes: list[str]
) -> None:
    async with matrix(embedded_lab) as made:
        key, text = await made.engine.keyring.create("short", scopes)
        place = place_of(made, "ann")
        mine = [row for row in rows() if row.scope in scopes and row.method == "GET"]
        for row in mine:
            assert (await made.ask(row, text, place)).status != 401
        await made.engine.keyring.revoke(key.id)
        for row in rows():
            assert (await made.ask(row, text, place)).status == 401, (row.method, row.path)
