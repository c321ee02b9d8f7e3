"""What an entry of the cache holds as text, and whether what was read is what was written. Pure."""

from __future__ import annotations

import hashlib

import msgspec

from engine.cachestore import CacheEntry
from engine.caching.keys import type_of
from engine.model import BLOB_BYTES, Json

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CacheEntry)


class BadEntry(ValueError):
    """What was kept under a key is no entry, or another's, or damaged."""


class NoValue(LookupError):
    """An entry holds the address of an output only."""


def value_of(data: bytes, key: str) -> Json:
    """What is kept under ``key``: the output of an entry, or the value itself.

    Raises:
        NoValue: the entry holds an address.
        ValueError: it cannot be read.
    """
    try:
        entry = decode(data, key)
    except BadEntry as damaged:
        value = msgspec.json.decode(data)
        if isinstance(value, dict) and value.get("key") == key and "output_hash" in value:
            raise damaged
        return value
    if entry.output is None:
        raise NoValue(key)
    return msgspec.json.decode(entry.output)


def encode(entry: CacheEntry) -> bytes:
    """An entry as Redis holds it: without its parts and tags, which only the graph is asked for."""
    return _encoder.encode(msgspec.structs.replace(entry, parts="", tags=()))


def decode(data: bytes, key: str) -> CacheEntry:
    """The entry in what Redis holds under ``key``; raises ``BadEntry``."""
    try:
        entry = _decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadEntry(str(error)) from None
    if not intact(entry, key):
        raise BadEntry("it is not what was written")
    return entry


def intact(entry: CacheEntry, key: str) -> bool:
    """Whether an entry belongs to its key, and the text in it to its hash."""
    if entry.key != key:
        return False
    return entry.output is None or hash_of(entry.output) == entry.output_hash


def hash_of(text: str) -> str:
    """The address of an output."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def of_value(key: str, version: str, value: Json, now: int, ttl_seconds: float) -> CacheEntry:
    """An entry for a value that no subtask has made.

    Raises:
        TypeError: it is no JSON value.
        ValueError: the same, or it is larger than what an entry may hold.
    """
    data = _encoder.encode(value)
    if len(data) > BLOB_BYTES:
        raise ValueError(f"a value of {len(data)} bytes is more than an entry holds ({BLOB_BYTES})")
    text = data.decode()
    return CacheEntry(
        key=key,
        type=type_of(key),
        version=version,
        output=text,
        output_hash=hash_of(text),
        output_bytes=len(data),
        seconds=0.0,
        task_id="",
        subtask_id="",
        created_at=now,
        expires_at=now + round(1000 * ttl_seconds),
    )
