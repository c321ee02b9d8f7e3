"""Bodies are read under a limit and parsed exactly; cursors come back as they went."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from api import body
from api.cursor import decode_cursor, encode_cursor
from engine.errors import InvalidInput, TooLarge
from engine.model import Json


class Sent:
    """A request whose chunks are counted as they are read."""

    def __init__(self, chunks: Sequence[bytes], **headers: str) -> None:
        self._chunks = list(chunks)
        self.read = 0
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.request = Request({"type": "http", "method": "POST", "headers": raw}, self._receive)

    async def _receive(self) -> Message:
        chunk = self._chunks[self.read]
        self.read += 1
        return {"type": "http.request", "body": chunk, "more_body": self.read < len(self._chunks)}


async def read(data: bytes, kind: str = "application/json", limit: int = 1024) -> Json:
    return await body.read_json(Sent([data], content_type=kind).request, limit)


async def test_integers_of_any_size_stay_exact() -> None:
    assert await read(b'{"n": 123456789012345678901234567890}') == {"n": 123456789012345678901234567890}


async def test_no_body_is_none() -> None:
    assert await read(b"", kind="") is None


@pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/plan+json"])
async def test_json_by_any_of_its_names(kind: str) -> None:
    assert await read(b"[1]", kind) == [1]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "text/x+json"])
async def test_anything_else_is_415(kind: str) -> None:
    with pytest.raises(HTTPException) as caught:
        await read(b"{}", kind)
    assert caught.value.status_code == 415


@pytest.mark.parametrize(
    "data", [b"{", b'{"a": NaN}', b'"\\ud800"', b"\xff", b"1e999", b"[" * 100_000, b'{"a": 1} x', b"1" * 5000]
)
async def test_what_is_no_json_is_told_so(data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        await read(data, limit=200_000)
    assert caught.value.faults[0].pointer == ""


async def test_exactly_the_limit_passes_and_one_more_does_not() -> None:
    data = b'"' + b"x" * 1022 + b'"'
    assert len(await read(data)) == 1022
    with pytest.raises(TooLarge, match=r"1,024 bytes.*MAX_BODY_BYTES"):
        await read(data + b" ")


async def test_somewhat_too_large_is_read_to_the_end_so_that_the_client_sees_the_answer() -> None:
    sent = Sent([b"x" * 512] * 4, content_type="application/json")
    with pytest.raises(TooLarge):
        await body.read_json(sent.request, 1024)
    assert sent.read == 4


async def test_far_too_large_is_given_up() -> None:
    sent = Sent([b"x" * 1024] * 50, content_type="application/json")
    with pytest.raises(TooLarge):
        await body.read_json(sent.request, 1024)
    assert sent.read == 3


async def test_an_announced_size_far_beyond_the_limit_is_refused_unread() -> None:
    sent = Sent([b"x"], content_type="application/json", content_length="999999")
    with pytest.raises(TooLarge):
        await body.read_json(sent.request, 1024)
    assert sent.read == 0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.one_of(
        VALUES,
        st.fixed_dictionaries({"plan": st.fixed_dictionaries({"subtasks": VALUES, "x": VALUES}), "name": VALUES}),
        st.fixed_dictionaries({"plan": st.fixed_dictionaries({"subtasks": st.lists(VALUES)})}),
    )
)
def test_in_parts_or_in_one_go_gives_the_same(value: Json) -> None:
    assert body._in_parts(json.dumps(value).encode()) == value


async def test_a_large_plan_comes_through_and_its_faults_name_the_place_in_the_whole() -> None:
    rows = [{"key": f"k{number}", "input": {"n": 10**30}} for number in range(6000)]
    data = json.dumps({"plan": {"subtasks": rows}}).encode()
    assert len(data) > body.SMALL_BYTES
    assert await body.parse_json(data) == {"plan": {"subtasks": rows}}
    with pytest.raises(InvalidInput, match=rf"byte {len(data) - 3}"):
        await body.parse_json(data[:-3] + b"x" + data[-2:])


@given(st.from_regex(r"[0-9A-Za-z._:-]{1,100}", fullmatch=True))
def test_a_cursor_comes_back(row_id: str) -> None:
    cursor = encode_cursor(row_id)
    assert decode_cursor(cursor) == row_id
    assert cursor.isascii()
    assert not set(cursor) & set("+/=")


@pytest.mark.parametrize(
    "cursor", ["", "!", "a", "////", "aGVsbG8gd29ybGQ", "Zg==Zg", "\u00e9", encode_cursor("x" * 101)]
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="next_cursor"):
        decode_cursor(cursor)


async def task_of(data: bytes, kind: str = "application/yaml") -> Json:
    return await body.read_task(Sent([data], content_type=kind).request, 1_000_000)


async def test_a_task_may_be_written_in_yaml_and_means_what_it_would_in_json() -> None:
    text = b"plan:\n  subtasks:\n    - {key: a, type: noop, retry: {on: [transient]}, input: {n: 010}}"
    step = {"key": "a", "type": "noop", "retry": {"on": ["transient"]}, "input": {"n": 10}}
    assert await task_of(text) == {"plan": {"subtasks": [step]}}
    assert await task_of(b'{"a": 1}', "application/json") == {"a": 1}
    assert await task_of(b"") is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a: [1", "line 1, column 6"),
        (b"a: &x [1]\nb: [*x, *x]", "write out what the alias stands for in line 2, column 5"),
        (b"[" * 50_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not usable YAML"),
        (b"!!python/object:os.system {}", "could not determine a constructor"),
        (b"!!int x", "not usable YAML"),
        (b"a: !!bool maybe", "this is no bool in line 1, column 4"),
        (b"!!timestamp soon", "this is no timestamp"),
    ],
)
async def test_what_is_no_plain_yaml_is_told_so_with_its_place(data: bytes, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        await task_of(data)


async def test_yaml_beyond_what_a_person_writes_is_refused_unread() -> None:
    with pytest.raises(TooLarge, match="as JSON"):
        await task_of(b"a: 1\n" * 60_000)
