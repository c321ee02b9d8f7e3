"""Payloads in a bucket, each under its own SHA-256: ``DIGEST/INSTANCE``.

A bucket cannot look and delete in one step, so no object is ever written twice: each ``put`` writes an instance of its
own, whose name nobody else has. ``remove`` deletes the instances that it has seen to be old, by name; whoever puts the
same payload at this moment writes another one, which stays. An older instance is swept by the next ``put``.

Every read checks the hash. The clocks of the server and of this machine are not compared: what the server dates is
measured by the server's own clock, as it says it in the same answer.
"""

from __future__ import annotations

import asyncio
import time
import uuid

from engine.adapters.digests import check_payload, checked, digest_of
from engine.adapters.s3 import Bucket, Entry, Listing
from engine.errors import BlobDamaged, BlobsUnavailable

IDENTITY = "store.id"
"""The object that tells one blob store from another."""
DATED_MS = 1_000
"""An object may be younger than its date by so much: servers date to the second."""
LOOKS = 5
"""How often a read looks for an instance that others sweep under its hands."""


class S3Blobs:
    """The blob store in a bucket, shared by all engines of a namespace.

    Args:
        place: ``s3://bucket/prefix``.
    """

    def __init__(self, place: str) -> None:
        self._bucket = Bucket(place, ("the blob store", "BLOB_PATH"))

    async def identity(self) -> str:
        """The id of this store, kept in an object of it.

        Raises:
            BlobsAway: the server does not answer.
            BlobsUnavailable: it has no such bucket, or not for this user.
        """
        try:
            return (await self._bucket.get(IDENTITY)).decode("ascii").strip()
        except KeyError:
            await self._bucket.put(IDENTITY, uuid.uuid4().hex.encode(), absent=True)
        try:
            return (await self._bucket.get(IDENTITY)).decode("ascii").strip()
        except KeyError:
            raise BlobsUnavailable(f"{self._bucket.place} does not keep what is put: look at its server") from None

    async def put(self, digest: str, data: bytes) -> None:
        """Stores ``data`` durably under its hash; storing it again is no fault and mends a damaged object.

        Args:
            digest: SHA-256 of ``data``, in lower-case hexadecimal.
            data: the payload.

        Raises:
            ValueError: ``digest`` is not the hash of ``data``.
            NoRoom: the bucket takes no more.
            BlobsAway: the server does not answer.
            BlobsUnavailable: it has no such bucket, or not for this user.
        """
        await asyncio.to_thread(check_payload, digest, data)
        own = f"{digest}/{uuid.uuid4().hex}"
        await self._bucket.put(own, data, sha256=digest)
        entries = (await self._instances(digest)).entries
        mine = next((entry for entry in entries if entry.key == own), None)
        if mine is not None:  # all engines agree which is the youngest: each leaves one at least as young as its own
            await self._bucket.remove([entry.key for entry in entries if _age(entry) < _age(mine)])

    async def get(self, digest: str) -> bytes:
        """The stored bytes.

        Raises:
            KeyError: there are none.
            BlobDamaged: they are not what was stored.
            BlobsAway: the server does not answer.
            BlobsUnavailable: it has no such bucket, or not for this user.
        """
        checked(digest)
        for _ in range(LOOKS):
            found = sorted((await self._instances(digest)).entries, key=_age, reverse=True)
            if not found:
                break
            damaged = ""
            for entry in found:
                try:
                    data = await self._bucket.get(entry.key)
                except KeyError:
                    continue
                if await asyncio.to_thread(digest_of, data) == digest:
                    return data
                damaged = entry.key
            if damaged:
                raise BlobDamaged(
                    f"{digest} does not match its hash in {self._bucket.place}: restore {damaged} from a backup, or "
                    "run its task again."
                )
        raise KeyError(digest)

    async def has(self, digest: str) -> bool:
        """Whether there is such a payload; it is not read."""
        return bool((await self._instances(checked(digest))).entries)

    async def renew(self, digest: str) -> bool:
        """Makes a payload young, as if it were put again; False when there is none, or not all of it."""
        try:
            data = await self.get(digest)
        except (KeyError, BlobDamaged):
            return False
        await self.put(digest, data)
        return True

    async def remove(self, digest: str, before: int) -> bool:
        """Removes the payload unless it was put again meanwhile.

        Args:
            digest: its hash.
            before: milliseconds since 1970 UTC; what was put then or later stays, and what was put up to two seconds
                earlier may.

        Returns:
            Whether there is none now.

        Raises:
            BlobsAway: the server does not answer.
            BlobsUnavailable: it has no such bucket, or not for this user.
        """
        listing = await self._instances(checked(digest))
        ahead = listing.now - time.time_ns() // 1_000_000 if listing.now else 0
        old = [entry for entry in listing.entries if entry.at + DATED_MS <= before + ahead]
        await self._bucket.remove([entry.key for entry in old])
        return len(old) == len(listing.entries) and not await self.has(digest)

    async def _instances(self, digest: str) -> Listing:
        return await self._bucket.under(f"{digest}/")


def _age(entry: Entry) -> tuple[int, str]:
    return entry.at, entry.key
