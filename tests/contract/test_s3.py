"""What the blob store in a bucket promises beside what all of them do: on a real server, and on one in trouble."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.adapters import s3
from engine.adapters.s3 import Bucket
from engine.adapters.s3blobs import S3Blobs
from engine.errors import BlobDamaged, BlobsAway, BlobsUnavailable, NoRoom
from tests.support.s3 import SECRET, Troubled, enter, new_bucket, s3_process

DATA = b"a payload" * 5000
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    enter(monkeypatch, s3_server)
    return new_bucket(s3_server)


@pytest.fixture
def troubled(s3_server: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    with Troubled(s3_server) as server:
        enter(monkeypatch, server.url)
        yield server


def place(bucket: str) -> Bucket:
    return Bucket(f"s3://{bucket}/blobs", ("the blob store", "BLOB_PATH"))


async def keys(bucket: str) -> list[str]:
    return [entry.key for entry in (await place(bucket).under()).entries]


async def test_an_object_lies_under_its_hash_and_older_ones_of_it_are_swept(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = S3Blobs(f"s3://{bucket}/blobs")
    numbers = itertools.count(1)  # of what was written in the same second, the name says which is younger
    monkeypatch.setattr("engine.adapters.s3blobs.uuid.uuid4", lambda: uuid.UUID(int=next(numbers)))
    for _ in range(3):
        await blobs.put(DIGEST, DATA)

    (key,) = await keys(bucket)
    assert key.startswith(f"{DIGEST}/")


@pytest.mark.parametrize("damage", [b"", DATA[:-1], b"X" + DATA[1:]], ids=["emptied", "cut", "changed"])
async def test_a_damaged_object_is_an_error_and_storing_mends_it(bucket: str, damage: bytes) -> None:
    blobs = S3Blobs(f"s3://{bucket}/blobs")
    await blobs.put(DIGEST, DATA)
    await place(bucket).put((await keys(bucket))[0], damage)

    with pytest.raises(BlobDamaged, match=f"{DIGEST} does not match its hash in s3://{bucket}/blobs: restore"):
        await blobs.get(DIGEST)
    assert not await blobs.renew(DIGEST)

    await blobs.put(DIGEST, DATA)
    assert await blobs.get(DIGEST) == DATA


async def test_what_is_put_between_the_look_and_the_removal_stays(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old payload is being removed, has been seen to be old, and is put again before the delete arrives."""
    one, other = S3Blobs(f"s3://{bucket}/blobs"), S3Blobs(f"s3://{bucket}/blobs")
    await one.put(DIGEST, DATA)
    remove = one._bucket.remove

    async def late(keys: Sequence[str]) -> None:
        await other.put(DIGEST, DATA)
        await remove(keys)

    monkeypatch.setattr(one._bucket, "remove", late)
    assert not await one.remove(DIGEST, time.time_ns() // 1_000_000 + 60_000)

    assert await other.get(DIGEST) == DATA


async def test_a_large_object_goes_in_parts(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(11 * 1024 * 1024)
    monkeypatch.setattr(s3, "PART_BYTES", 5 * 1024 * 1024)
    blobs = S3Blobs(f"s3://{bucket}/blobs")

    await blobs.put(hashlib.sha256(data).hexdigest(), data)

    assert await blobs.get(hashlib.sha256(data).hexdigest()) == data


async def test_what_is_written_where_there_must_be_nothing_is_written_once(bucket: str) -> None:
    written = await asyncio.gather(*(place(bucket).put("one", str(n).encode(), absent=True) for n in range(4)))

    assert written.count(True) == 1
    assert await place(bucket).get("one") == str(written.index(True)).encode()


async def test_many_objects_are_listed_and_removed(bucket: str) -> None:
    where = place(bucket)
    await asyncio.gather(*(where.put(f"many/{n:02}", b"") for n in range(20)))

    assert await keys(bucket) == [f"many/{n:02}" for n in range(20)]
    await where.remove(await keys(bucket))
    assert await keys(bucket) == []


async def test_a_full_bucket_has_no_room_and_loses_nothing(bucket: str, troubled: Troubled) -> None:
    blobs = S3Blobs(f"s3://{bucket}/blobs")
    await blobs.put(DIGEST, DATA)
    troubled.trouble = "full"

    with pytest.raises(NoRoom, match=rf"the blob store s3://{bucket}/blobs is full \(QuotaExceeded\): make room"):
        await blobs.put(hashlib.sha256(b"").hexdigest(), b"")

    assert await blobs.get(DIGEST) == DATA


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("busy", r"does not answer now \(SlowDown\): look at its server"), ("cut", "does not answer .*AWS_ENDPOINT_URL")],
)
async def test_a_server_in_trouble_is_tried_three_times_and_is_away(
    bucket: str, troubled: Troubled, trouble: str, words: str
) -> None:
    blobs = S3Blobs(f"s3://{bucket}/blobs")
    troubled.trouble = trouble

    with pytest.raises(BlobsAway, match=words):
        await blobs.put(DIGEST, DATA)

    assert troubled.seen["PUT"] == s3.TRIES
    troubled.trouble = ""
    await blobs.put(DIGEST, DATA)
    assert await blobs.get(DIGEST) == DATA


async def test_a_server_that_is_not_there_is_away(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(monkeypatch, "http://127.0.0.1:9")

    with pytest.raises(
        BlobsAway, match=r"s3://.*/blobs does not answer .*start its server or correct AWS_ENDPOINT_URL"
    ):
        await S3Blobs(f"s3://{bucket}/blobs").identity()


async def test_a_bucket_that_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(BlobsUnavailable, match=r"s3://no-such-bucket/x refuses .*NoSuchBucket\): make the bucket"):
        await S3Blobs("s3://no-such-bucket/x").identity()


async def test_a_key_that_nobody_knows_is_refused_and_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_process(tmp_path / "log", INITIAL_NO_AUTH_ACTION_COUNT="0") as strict:  # it looks at who asks
        enter(monkeypatch, strict)
        with pytest.raises(BlobsUnavailable, match=r"InvalidAccessKeyId\): correct AWS_ACCESS_KEY_ID") as error:
            await S3Blobs("s3://some-bucket/blobs").put(DIGEST, DATA)
    assert SECRET not in str(error.value)


async def test_a_user_who_may_not_is_told_what_to_allow(bucket: str, troubled: Troubled) -> None:
    troubled.trouble = "refused"

    with pytest.raises(BlobsUnavailable, match=r"refuses PutObject \(AccessDenied\): let this user list the bucket"):
        await S3Blobs(f"s3://{bucket}/blobs").put(DIGEST, DATA)


async def test_without_credentials_it_says_which_are_missing(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(BlobsUnavailable, match=r"has no credentials .*: set AWS_ACCESS_KEY_ID and"):
        await S3Blobs(f"s3://{bucket}/blobs").identity()
