"""What every blob store promises: the folder, and a bucket behind a real S3 server. The last tests are about the folder
alone; those about the bucket alone are in ``test_s3``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.adapters.blobs import FolderBlobs
from engine.adapters.s3blobs import S3Blobs
from engine.errors import BlobDamaged, BlobsUnavailable, NoRoom
from engine.ports import Blobs
from tests.support.s3 import enter, new_bucket

DATA = b"a payload" * 5000


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "blobs"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Blobs]:
    """Opens the same place again and again, each time as another engine would."""
    if request.param == "folder":
        return lambda: FolderBlobs(root)
    url = request.getfixturevalue("s3_server")
    enter(monkeypatch, url)
    place = f"s3://{new_bucket(url)}/some/where"
    return lambda: S3Blobs(place)


@pytest.fixture
def blobs(store: Callable[[], Blobs]) -> Blobs:
    return store()


@pytest.fixture
def folder(root: Path) -> Blobs:
    return FolderBlobs(root)


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 10, DATA], ids=["empty", "binary", "large"])
async def test_what_is_stored_comes_back(blobs: Blobs, data: bytes) -> None:
    await blobs.put(digest_of(data), data)

    assert await blobs.get(digest_of(data)) == data


async def test_what_was_never_stored_is_a_key_error_that_names_it(blobs: Blobs) -> None:
    with pytest.raises(KeyError, match=digest_of(b"never")):
        await blobs.get(digest_of(b"never"))


async def test_storing_again_and_at_once_is_no_fault(blobs: Blobs) -> None:
    await asyncio.gather(*(blobs.put(digest_of(DATA), DATA) for _ in range(8)))
    await blobs.put(digest_of(DATA), DATA)

    assert await blobs.get(digest_of(DATA)) == DATA


async def test_bytes_under_a_foreign_hash_are_refused_and_not_stored(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="is not the SHA-256 of the 5 bytes"):
        await blobs.put(digest_of(b"other"), b"bytes")

    with pytest.raises(KeyError):
        await blobs.get(digest_of(b"other"))


async def test_what_is_removed_is_gone_and_removing_it_again_is_no_fault(blobs: Blobs) -> None:
    await blobs.put(digest_of(DATA), DATA)
    later = time.time_ns() // 1_000_000 + 5_000

    assert await blobs.remove(digest_of(DATA), later)
    assert await blobs.remove(digest_of(DATA), later)

    with pytest.raises(KeyError):
        await blobs.get(digest_of(DATA))


async def test_what_was_put_again_meanwhile_is_not_removed(blobs: Blobs) -> None:
    await blobs.put(digest_of(DATA), DATA)
    moment = time.time_ns() // 1_000_000 + 5
    while time.time_ns() // 1_000_000 < moment:
        await blobs.put(digest_of(DATA), DATA)
    await blobs.put(digest_of(DATA), DATA)

    assert not await blobs.remove(digest_of(DATA), moment)

    assert await blobs.get(digest_of(DATA)) == DATA


async def test_whoever_puts_while_it_is_removed_finds_it(blobs: Blobs) -> None:
    for _ in range(20):
        await blobs.put(digest_of(DATA), DATA)
        moment = time.time_ns() // 1_000_000

        await asyncio.gather(blobs.remove(digest_of(DATA), moment), blobs.put(digest_of(DATA), DATA))

        assert await blobs.get(digest_of(DATA)) == DATA


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
async def test_what_is_no_hash_reaches_no_file(blobs: Blobs, digest: str) -> None:
    with pytest.raises(ValueError, match="is not a SHA-256"):
        await blobs.get(digest)
    with pytest.raises(ValueError, match="is not a SHA-256"):
        await blobs.put(digest, b"")


async def test_another_store_at_the_same_place_finds_it(store: Callable[[], Blobs]) -> None:
    await store().put(digest_of(DATA), DATA)

    assert await store().has(digest_of(DATA))
    assert await store().get(digest_of(DATA)) == DATA


async def test_a_place_has_one_name_whoever_asks_first(store: Callable[[], Blobs]) -> None:
    names = await asyncio.gather(*(store().identity() for _ in range(4)))

    assert len(set(names)) == 1
    assert await store().identity() == names[0]


async def test_what_is_made_young_is_not_removed_and_what_is_not_there_is_not_made(blobs: Blobs) -> None:
    assert not await blobs.renew(digest_of(DATA))
    await blobs.put(digest_of(DATA), DATA)
    moment = time.time_ns() // 1_000_000
    assert await blobs.renew(digest_of(DATA))

    assert not await blobs.remove(digest_of(DATA), moment)

    assert await blobs.get(digest_of(DATA)) == DATA


async def test_two_that_put_while_a_third_removes_find_it(store: Callable[[], Blobs]) -> None:
    """The removal of an old payload meets two that put it again: neither may lose it, for both will refer to it."""
    one, two, three = store(), store(), store()
    for _ in range(10):
        await one.put(digest_of(DATA), DATA)
        moment = time.time_ns() // 1_000_000 + 1

        async def again(by: Blobs, moment: int = moment) -> None:
            while time.time_ns() // 1_000_000 < moment:
                await asyncio.to_thread(lambda: None)
            await by.put(digest_of(DATA), DATA)

        await asyncio.gather(three.remove(digest_of(DATA), moment), again(one), again(two))

        assert await two.get(digest_of(DATA)) == DATA


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def only_file(root: Path) -> Path:
    (path,) = files(root)
    return path


async def test_the_file_lies_under_its_hash_and_nothing_else_is_left(folder: Blobs, root: Path) -> None:
    await asyncio.gather(*(folder.put(digest_of(DATA), DATA) for _ in range(8)))

    digest = digest_of(DATA)
    assert only_file(root) == root / digest[:2] / digest[2:4] / digest


@pytest.mark.parametrize("damage", [b"", DATA[:-1], b"X" + DATA[1:]], ids=["emptied", "cut", "changed"])
async def test_a_damaged_file_is_an_error_and_storing_mends_it(folder: Blobs, root: Path, damage: bytes) -> None:
    await folder.put(digest_of(DATA), DATA)
    only_file(root).write_bytes(damage)

    with pytest.raises(BlobDamaged, match=f"{digest_of(DATA)} does not match its hash"):
        await folder.get(digest_of(DATA))

    await folder.put(digest_of(DATA), DATA)
    assert await folder.get(digest_of(DATA)) == DATA


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = FolderBlobs(tmp_path / "file" / "blobs")

    with pytest.raises(BlobsUnavailable, match=r"file/blobs cannot write: .*BLOB_PATH"):
        await folder.put(digest_of(DATA), DATA)
    with pytest.raises(BlobsUnavailable, match="cannot read: "):
        await folder.get(digest_of(DATA))


@pytest.mark.parametrize("folder_exists", [False, True])
async def test_a_write_that_fails_leaves_nothing(
    folder: Blobs, root: Path, monkeypatch: pytest.MonkeyPatch, folder_exists: bool
) -> None:
    if folder_exists:
        (root / digest_of(DATA)[:2] / digest_of(DATA)[2:4]).mkdir(parents=True)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", full_disk)
        with pytest.raises(NoRoom, match="is full, and 45000 bytes are to be stored: make room"):
            await folder.put(digest_of(DATA), DATA)

    assert files(root) == []
    await folder.put(digest_of(DATA), DATA)
    assert await folder.get(digest_of(DATA)) == DATA


async def test_a_write_that_does_not_fit_is_not_begun(
    folder: Blobs, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("engine.room.free_bytes", lambda _: 1024 * 1024 + len(DATA) - 1)
        full.setattr("tempfile.mkstemp", None)
        with pytest.raises(NoRoom, match="is full, and 45000 bytes are to be stored: make room"):
            await folder.put(digest_of(DATA), DATA)

    assert files(root) == []
    await folder.put(digest_of(DATA), DATA)
    assert await folder.get(digest_of(DATA)) == DATA


async def test_bytes_and_folders_are_on_disk_before_the_name_appears(
    folder: Blobs, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("data" if target.is_file() else str(target))
        fsync(descriptor)

    def recorded_replace(draft: Path, path: Path) -> Path:
        steps.append("rename")
        return replace(draft, path)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    await folder.put(digest_of(DATA), DATA)

    first, second = root / digest_of(DATA)[:2], root / digest_of(DATA)[:2] / digest_of(DATA)[2:4]
    assert steps == [str(root.parent), str(root), str(first), "data", "rename", str(second)]
