"""An engine whose large outputs are in a bucket: while its server is well, in trouble, and gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from api.cli.doctor import examine
from engine import service
from engine.adapters.s3 import Bucket
from engine.errors import BlobsAway, BlobsUnavailable
from engine.states import TaskStatus
from tests.support.engines import Lab, finished, outputs, run, subtasks
from tests.support.plans import Body, plan, step
from tests.support.s3 import Troubled, enter, new_bucket
from tests.support.services import eventually

SIZE = 50_000


@pytest.fixture
def server(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    with Troubled(s3_server) as troubled:
        enter(monkeypatch, troubled.url)
        monkeypatch.setattr("engine.adapters.s3.TRIES", 1)
        monkeypatch.setattr("engine.payloads.NO_ROOM_SECONDS", (0.02, 0.1))
        monkeypatch.setattr(service, "BLOB_GRACE_SECONDS", 0.0)
        yield troubled


@pytest.fixture
def place(s3_server: str, server: Troubled) -> str:
    return f"s3://{new_bucket(s3_server)}/engine"


def large(letter: str) -> Body:
    """A plan whose second step reads the large output of the first, and makes one itself."""
    text = {"size": SIZE, "letter": letter}
    return plan(
        step("a", type="text", input=text),
        step("b", "a", type="noop", input={"got": "{{subtasks.a.output}}"}, retry={"backoff_seconds": 0.05}),
    )


async def digests(place: str) -> set[str]:
    found = await Bucket(place, ("the blob store", "BLOB_PATH")).under()
    return {entry.key.partition("/")[0] for entry in found.entries} - {"store.id"}


async def test_large_outputs_live_in_the_bucket_and_go_with_their_last_task(lab: Lab, place: str) -> None:
    engine = await lab.start(blob_path=place)
    first, second = [await run(engine, large("a")) for _ in range(2)]
    assert len((await outputs(engine, second.id))["a"]) == SIZE - 2
    kept = await digests(place)

    await engine.remove(first.id)
    assert await digests(place) == kept
    await engine.remove(second.id)
    await eventually(lambda: _gone(engine, second.id), timeout=30)

    assert await digests(place) == set()
    assert kept


async def _gone(engine: service.Engine, task_id: str) -> bool:
    return task_id not in await engine._graph.removals()


@pytest.mark.parametrize("trouble", ["cut", "full", "busy"])
async def test_an_output_waits_until_the_server_is_well(
    lab: Lab, place: str, server: Troubled, trouble: str, namespace: str
) -> None:
    engine = await lab.start(blob_path=place)
    server.trouble = trouble
    submitted = await engine.submit(large(trouble[0]))
    await eventually(lambda: server.seen["PUT"] >= 4)
    server.trouble = ""

    task = await finished(engine, submitted.task_id)

    assert task.status is TaskStatus.COMPLETED, task.error
    assert [row.token for row in (await subtasks(engine, task.id)).values()] == [1, 1]
    assert len((await outputs(engine, task.id))["a"]) == SIZE - 2


async def test_a_read_that_gets_no_answer_is_repeated(lab: Lab, place: str, server: Troubled) -> None:
    engine = await lab.start(blob_path=place)
    task = await run(engine, large("r"))
    engine._payloads._texts.clear()
    server.trouble = "cut"
    with pytest.raises(BlobsAway, match="does not answer"):
        await outputs(engine, task.id)
    server.trouble = ""
    assert len((await outputs(engine, task.id))["a"]) == SIZE - 2


async def test_an_engine_does_not_start_without_its_bucket(
    lab: Lab, place: str, server: Troubled, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BlobsUnavailable, match=r"NoSuchBucket\): make the bucket, or correct the name"):
        await lab.start(blob_path="s3://nobody-has-made-it/x")
    server.trouble = "cut"
    with pytest.raises(BlobsAway, match="does not answer"):
        await lab.start(blob_path=place)


async def test_doctor_says_what_is_wrong_with_the_bucket(
    lab: Lab, place: str, server: Troubled, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = await lab.start(blob_path=place)
    await run(engine, large("d"))
    settings = engine.settings
    await lab.stop(engine)
    assert await examine(settings, as_json=False) == 0
    assert f"ok    blobs: {place} has all " in capsys.readouterr().out

    server.trouble = "refused"
    code = await examine(settings, as_json=False)

    said = capsys.readouterr().out
    assert code == 3
    assert f"WRONG blobs: the blob store {place} refuses ListObjectsV2 (AccessDenied): let this user list" in said


async def test_two_engines_share_the_bucket(neo4j_lab: Lab, place: str) -> None:
    """What one has put the other reads; what both make is kept until the last of them is removed."""
    beats = {"heartbeat_seconds": 0.2, "engine_timeout_seconds": 1.5}
    one = await neo4j_lab.start(blob_path=place, **beats)
    two = await neo4j_lab.start(blob_path=place, data_path=neo4j_lab.folder / "second", **beats)
    first, second = await asyncio.gather(run(one, large("t")), run(two, large("t")))

    await one.remove(first.id)

    assert len((await outputs(one, second.id))["a"]) == SIZE - 2
