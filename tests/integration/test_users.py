"""Keys of one user, end to end: every operation against another user's task, and every list without it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

import httpx2

from api.isolation import REACH, Reach
from engine.keys.key import Scope
from engine.service import Engine
from tests.integration.test_keys import ENDLESS, OPERATIONS, bearer, served
from tests.support.engines import GATES, Lab, finished
from tests.support.graphs import breaches
from tests.support.live import live_server
from tests.support.plans import plan, step
from tests.support.services import eventually

ALL = [scope.value for scope in Scope if scope is not Scope.ADMIN]


async def keys_of(engine: Engine) -> dict[str, dict[str, str]]:
    """Headers of an admin, and of two users with every scope, also that of admins."""
    _, root = await engine.keyring.create("root", ["admin"])
    found = {"root": bearer(root)}
    for user in ("ann", "bob"):
        _, text = await engine.keyring.create(f"{user}-ci", [*ALL, "admin"], user)
        found[user] = bearer(text)
    return found


async def waiting_task(client: httpx2.AsyncClient, headers: dict[str, str]) -> str:
    """A task with one subtask that is done, and one that waits for a person."""
    body = plan(step("a"), step("ask", "a", requires_approval=True))
    answer = await client.post("/tasks", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["task_id"])


async def test_another_users_task_is_like_none_for_every_operation(lab: Lab) -> None:
    engine = await lab.start()
    async with served(engine) as client:
        keys = await keys_of(engine)
        bobs, anns = [await waiting_task(client, keys[user]) for user in ("bob", "ann")]
        for user, task_id in (("ann", anns), ("bob", bobs)):
            await _until_asked(client, task_id, keys[user])
        seen = (await client.get(f"/tasks/{bobs}/events", headers=keys["bob"])).json()["events"]
        for method, path, needed, name in OPERATIONS:
            if needed is None or name in ENDLESS:
                continue
            named = {"task_id": bobs, "other_id": anns, "key": "ask"}
            place = path.format_map(defaultdict(lambda: "none", named))
            answer = await client.request(method, place, headers=keys["ann"])
            reach = REACH[name]
            if reach is Reach.PATH:
                assert (answer.status_code, "no task has the id" in answer.text) == (404, True), (name, answer.text)
            elif reach is Reach.NONE:
                assert answer.status_code == 403, (name, answer.text)
                assert answer.json()["type"] == "urn:agent03:problem:other-user"
            else:
                assert answer.status_code not in (401, 403), (name, answer.text)
        assert (await client.get(f"/tasks/{anns}/diff/{bobs}", headers=keys["ann"])).status_code == 404
        after = (await client.get(f"/tasks/{bobs}/events", headers=keys["bob"])).json()["events"]
        assert after == seen, "something reached the task of the other user"
        for user, task_id in (("ann", anns), ("bob", bobs)):
            approved = await client.post(f"/tasks/{task_id}/subtasks/ask/approve", headers=keys[user])
            assert approved.status_code in (200, 202), approved.text
            await finished(engine, task_id)
    assert await breaches(engine._graph) == {}


async def test_an_idempotency_key_is_its_users_own(lab: Lab) -> None:
    """Another user who sends the same text gets a task of his own, and no word of the other one."""
    engine = await lab.start()
    async with served(engine) as client:
        keys, body = await keys_of(engine), plan(step("a"))
        once = {"Idempotency-Key": "order-1"}
        first = [await client.post("/tasks", json=body, headers=keys[user] | once) for user in ("ann", "bob", "root")]
        again = [await client.post("/tasks", json=body, headers=keys[user] | once) for user in ("ann", "bob", "root")]
        assert [answer.status_code for answer in first + again] == [200] * 6
        ids = [answer.json()["task_id"] for answer in first]
        assert len(set(ids)) == 3
        assert [answer.json()["task_id"] for answer in again] == ids
        other = await client.post("/tasks", json=plan(step("b")), headers=keys["bob"] | once)
        assert (other.status_code, other.json()["type"]) == (409, "urn:agent03:problem:idempotency-key-reused")
        assert ids[1] in other.json()["detail"]
        assert not [id_ for id_ in (ids[0], ids[2]) if id_ in other.text]
        bad = await client.post("/tasks", json=body, headers=keys["bob"] | {"Idempotency-Key": "x y"})
        assert (bad.status_code, "255 visible ASCII" in bad.text) == (400, True)
        for task_id in ids:
            await finished(engine, task_id)


async def _until_asked(client: httpx2.AsyncClient, task_id: str, headers: dict[str, str]) -> None:
    async def asks() -> bool:
        return bool((await client.get(f"/tasks/{task_id}/approvals", headers=headers)).json()["approvals"])

    await eventually(asks)


async def test_lists_hold_the_tasks_of_the_key_alone(lab: Lab) -> None:
    engine = await lab.start()
    async with served(engine) as client:
        keys = await keys_of(engine)
        tasks = {user: [await waiting_task(client, keys[user]) for _ in range(2)] for user in ("ann", "bob")}
        for user, ids in tasks.items():
            for task_id in ids:
                await _until_asked(client, task_id, keys[user])
        for user, ids in tasks.items():
            listed = (await client.get("/tasks", headers=keys[user])).json()["tasks"]
            assert sorted(task["id"] for task in listed) == sorted(ids)
            assert {task["user_id"] for task in listed} == {user}
            asked: list[str] = []
            cursor: dict[str, str] = {}
            while True:
                page = (await client.get("/approvals", params={"limit": "1", **cursor}, headers=keys[user])).json()
                asked += [one["task_id"] for one in page["approvals"]]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert sorted(asked) == sorted(ids)
            assert (await client.get("/templates", headers=keys[user])).json()["learned"] == []
        other = await client.get("/tasks", params={"user_id": "bob"}, headers=keys["ann"])
        assert (other.status_code, other.json()["type"]) == (403, "urn:agent03:problem:other-user")
        assert len((await client.get("/tasks", headers=keys["root"])).json()["tasks"]) == 4
        assert (await client.get("/logs", headers=keys["ann"])).json()["errors"][0]["pointer"] == "/task"
        own = await client.get("/logs", params={"task": tasks["ann"][0]}, headers=keys["ann"])
        assert own.status_code == 200
        assert (await client.get("/logs", params={"task": tasks["bob"][0]}, headers=keys["ann"])).status_code == 404
        for user, ids in tasks.items():
            for task_id in ids:
                await client.post(f"/tasks/{task_id}/cancel", headers=keys[user])
                await finished(engine, task_id)


async def test_the_stream_of_all_tasks_tells_of_the_keys_user_alone(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    keys = await keys_of(engine)
    name = "users live"
    async with live_server(engine) as server, httpx2.AsyncClient(base_url=server.url) as client:
        told: list[str] = []
        async with client.stream("GET", "/events", headers=keys["ann"], timeout=20) as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith("retry")
            ids = {}
            for user in ("bob", "ann"):
                body = plan(step("w", type="gate", input={"name": name}), user_id=user)
                ids[user] = (await client.post("/tasks", json=body, headers=keys[user])).json()["task_id"]
            GATES.setdefault(name, asyncio.Event()).set()
            for user in ("bob", "ann"):
                await finished(engine, ids[user])
            async for line in lines:
                if line.startswith("data:"):
                    said = json.loads(line.removeprefix("data:"))
                    told.append(said["task_id"])
                    if said["status"] == "completed":
                        break
        assert set(told) == {ids["ann"]}


async def test_a_key_that_asks_too_often_and_a_user_with_too_many_tasks_are_told_to_wait(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start(key_rate=8, user_open_tasks=2)
    keys = await keys_of(engine)
    async with served(engine) as client:
        ids = [await waiting_task(client, keys["ann"]) for _ in range(2)]
        full = await client.post("/tasks", json=plan(step("a")), headers=keys["ann"])
        assert (full.status_code, full.json()["type"]) == (429, "urn:agent03:problem:busy")
        assert "USER_OPEN_TASKS" in full.json()["detail"]
        other = await client.post("/tasks", json=plan(step("a")), headers=keys["bob"])
        assert other.status_code == 200
        for task_id in ids:
            await client.post(f"/tasks/{task_id}/cancel", headers=keys["ann"])
            await finished(engine, task_id)
        again = await client.post("/tasks", json=plan(step("a")), headers=keys["ann"])
        assert again.status_code == 200
        for _ in range(2):
            assert (await client.get("/tasks", headers=keys["ann"])).status_code == 200
        late = await client.get("/tasks", headers=keys["ann"])
        assert (late.status_code, late.json()["type"]) == (429, "urn:agent03:problem:too-often")
        assert 1 <= int(late.headers["retry-after"]) <= 61
        assert (await client.get("/health/live", headers=keys["ann"])).status_code == 200
        for created in (other, again):
            await finished(engine, created.json()["task_id"])
