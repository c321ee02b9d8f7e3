"""A place in a bucket that speaks S3: objects in, objects out, and errors that say what to do.

Who may enter, where it is and in which region is what boto3 finds by itself (``AWS_*``, ``AWS_ENDPOINT_URL``,
``~/.aws``, the role of a machine); no credential passes through here. The library blocks, so it works in threads of its
own: a bucket that hangs takes none from the tools. A request gets three tries, each bounded in time.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from engine.errors import BlobsAway, BlobsUnavailable, EngineError, NoRoom, SettingsError
from engine.model import Value

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

T = TypeVar("T")
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""Longest silence within one try."""
TRIES = 3
AT_ONCE = 8
"""Requests on their way at the same time; the others wait in line."""
PART_BYTES = 32 * 1024 * 1024
"""From here on an object is sent in parts of this size."""
DELETED_AT_ONCE = 1_000
"""What one request may delete."""
GONE = frozenset({"404", "NoSuchKey"})
FULL = frozenset({"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"})
LATER = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling"})
ADVICE = {
    "NoSuchBucket": "make the bucket, or correct the name",
    "InvalidAccessKeyId": "correct AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "correct AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "renew AWS_SESSION_TOKEN, and start the engine again",
    "AccessDenied": "let this user list the bucket, and get, put and delete its objects",
}
CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"


class Entry(Value, frozen=True):
    """An object in a list: its key below the place, bytes, and when it was written (milliseconds, to the second)."""

    key: str
    size: int
    at: int


class Listing(Value, frozen=True):
    """What there is, in the order of the keys; ``now`` is the least that the server's clock said, milliseconds."""

    entries: list[Entry]
    now: int


class Bucket:
    """What lies under a prefix of a bucket.

    Args:
        place: as ``s3://bucket/prefix``.
        name: what the place is for and which setting names it, for messages: "the blob store", "BLOB_PATH".
    """

    def __init__(self, place: str, name: tuple[str, str]) -> None:
        parts = urlsplit(place)
        self.place = place
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/") + "/" if parts.path.strip("/") else ""
        self._what, self._setting = name
        self._threads: ThreadPoolExecutor | None = None
        self._made: Any = None

    async def put(self, key: str, data: bytes, *, sha256: str = "", absent: bool = False) -> bool:
        """Writes an object, all of it or nothing.

        Args:
            key: its name below the place.
            data: its bytes.
            sha256: of the bytes, in hexadecimal, so that the server refuses what has changed on its way.
            absent: only where there is none; a server that does not know this writes it anyway.

        Returns:
            False when there was one, and ``absent`` is asked for.

        Raises:
            NoRoom: the bucket takes no more.
            BlobsAway: it does not answer, or not now.
            BlobsUnavailable: it is not there, or not for this user.
            SettingsError: the extra ``s3`` is not installed.
        """
        return await self._work(self._put, key, data, sha256, absent)

    async def get(self, key: str) -> bytes:
        """The bytes of an object; raises ``KeyError`` when there is none, and else as ``put``."""
        return await self._work(self._get, key)

    async def under(self, prefix: str = "") -> Listing:
        """The objects whose key begins so; raises as ``put``."""
        return await self._work(self._list, prefix)

    async def remove(self, keys: Sequence[str]) -> None:
        """Removes objects; those that are not there are no fault. Raises as ``put``."""
        if keys:
            await self._work(self._remove, list(keys))

    async def _work(self, work: Callable[..., T], *args: Any) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, "s3")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._told, work, args)

    def _told(self, work: Callable[..., T], args: Sequence[Any]) -> T:
        """Does the work, and says in our words what went wrong."""
        client = self._client()
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return work(client, *args)
        except ClientError as error:
            raise self._refused(error) from None
        except (BotoCoreError, Boto3Error) as error:
            raise self._failed(error) from None

    def _client(self) -> Any:
        """The client, made once: with names in the path where the server is not Amazon's, which all others take."""
        if self._made is None:
            try:
                import boto3
                from botocore.config import Config
                from botocore.exceptions import BotoCoreError
            except ImportError as error:
                raise SettingsError(
                    f"{self._setting}={self.place} needs boto3: pip install 'agent03-core-engine[s3]'"
                ) from error
            settings = {
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": READ_SECONDS,
                "retries": {"mode": "standard", "total_max_attempts": TRIES},
                "max_pool_connections": AT_ONCE,
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            }
            try:
                session = boto3.session.Session()
                client = session.client("s3", config=Config(**settings))
                if ".amazonaws.com" not in client.meta.endpoint_url:
                    client = session.client("s3", config=Config(**settings, s3={"addressing_style": "path"}))
            except (BotoCoreError, ValueError) as error:
                raise BlobsUnavailable(f"{self._named} cannot be set up: {error}; correct the AWS_* settings") from None
            self._made = client
        return self._made

    def _put(self, client: Any, key: str, data: bytes, sha256: str, absent: bool) -> bool:
        where = {"Bucket": self._bucket, "Key": self._prefix + key}
        if len(data) > PART_BYTES:
            self._put_in_parts(client, where, data)
            return True
        more = {"ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode()} if sha256 else {}
        more |= {"IfNoneMatch": "*"} if absent else {}
        try:
            client.put_object(**where, Body=data, **more)
        except client.exceptions.ClientError as error:
            code = _code(error)
            if absent and code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                return False
            if not (absent and code in ("NotImplemented", "501")):
                raise
            client.put_object(**where, Body=data)
        return True

    def _put_in_parts(self, client: Any, where: dict[str, str], data: bytes) -> None:
        """One part after the other; what was sent is thrown away when one fails, and the whole is looked at."""
        from boto3.s3.transfer import TransferConfig

        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False)
        client.upload_fileobj(io.BytesIO(data), where["Bucket"], where["Key"], Config=parts)
        size = client.head_object(**where)["ContentLength"]
        if size != len(data):
            raise BlobsAway(f"{self._named} has kept {size} of {len(data)} bytes; it is tried again")

    def _get(self, client: Any, key: str) -> bytes:
        try:
            found: bytes = client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
        except client.exceptions.ClientError as error:
            if _code(error) in GONE:
                raise KeyError(key) from None
            raise
        except Exception as error:
            if type(error).__module__.startswith("urllib3."):  # the stream broke off in the middle
                raise BlobsAway(f"{self._named} broke off in the middle of {key}: {error}") from None
            raise
        return found

    def _list(self, client: Any, prefix: str) -> Listing:
        entries: list[Entry] = []
        more: dict[str, str] = {}
        now = 0
        while True:
            page = client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix + prefix, **more)
            now = now or _date(page)
            for row in page.get("Contents", ()):
                key = row["Key"].removeprefix(self._prefix)
                entries.append(Entry(key, row["Size"], int(row["LastModified"].timestamp()) * 1000))
            if not page.get("IsTruncated"):
                return Listing(entries, now)
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _remove(self, client: Any, keys: list[str]) -> None:
        if len(keys) == 1:
            client.delete_object(Bucket=self._bucket, Key=self._prefix + keys[0])
            return
        for at in range(0, len(keys), DELETED_AT_ONCE):
            objects = [{"Key": self._prefix + key} for key in keys[at : at + DELETED_AT_ONCE]]
            answer = client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            for left in answer.get("Errors", ()):
                raise BlobsAway(
                    f"{self._named} has not deleted {left.get('Key')} ({left.get('Code')}); it is tried again"
                )

    @property
    def _named(self) -> str:
        return f"{self._what} {self.place}"

    def _refused(self, error: ClientError) -> EngineError:
        """What the server said."""
        code = _code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in FULL or status == 507:
            return NoRoom(f"{self._named} is full ({code}): make room; the engine then goes on by itself")
        if code in LATER or status in (429, 500, 502, 503, 504):
            return BlobsAway(f"{self._named} does not answer now ({code}): look at its server; it is tried again")
        advice = ADVICE.get(code, f"look at the bucket and its policy, or correct {self._setting}")
        return BlobsUnavailable(f"{self._named} refuses {error.operation_name} ({code}): {advice}")

    def _failed(self, error: BotoCoreError | Exception) -> EngineError:
        """Why no answer came."""
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import (
            ClientError,
            ConnectionError,
            CredentialRetrievalError,
            HTTPClientError,
            NoCredentialsError,
            PartialCredentialsError,
        )

        if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
            return self._refused(error.__context__)
        if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
            return BlobsUnavailable(f"{self._named} has no credentials ({error}): {CREDENTIALS}")
        if isinstance(error, ConnectionError | HTTPClientError):
            return BlobsAway(f"{self._named} does not answer ({error}): start its server or correct AWS_ENDPOINT_URL")
        return BlobsUnavailable(f"{self._named} cannot be used: {error}; correct {self._setting} or the AWS_* settings")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _date(page: Any) -> int:
    """The server's clock as an answer says it, milliseconds; 0 when it does not."""
    told = page["ResponseMetadata"]["HTTPHeaders"].get("date")
    return int(parsedate_to_datetime(told).timestamp()) * 1000 if told else 0
