"""Secrets: found where they are written out, covered in whatever form they come back, resolved for the tool alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from engine.adapters.secrets import SecretPlaces, kept_key
from engine.errors import Category, Fatal, InvalidInput, ToolError
from engine.model import Expand
from engine.plan.checks import Limits
from engine.plan.expansion import Bounds, grown
from engine.plan.spec import Refs
from engine.plan.validate import ValidPlan, request_of, validate
from engine.references import Scope, resolve
from engine.secrets.literals import in_text, literals, suspicious
from engine.secrets.masking import MASK, Masker
from engine.secrets.settings import hidden_in
from engine.secrets.vault import Allowed, Vault
from engine.settings import Settings
from engine.tools.noop import Noop

SECRET = 'Zq7"hunter\\2-é/+x'
OWN = "the-secret-of-this-engine"
GITHUB = "ghp_" + "a1B2" * 9
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3VS5JJcds3xfn\n-----END RSA PRIVATE KEY-----"
FORMS = {
    "plain": SECRET,
    "in JSON": json.dumps({"k": SECRET}),
    "in JSON in JSON": json.dumps(json.dumps({"k": SECRET})),
    "in JSON as it is": msgspec.json.encode([SECRET]).decode(),
    "as Python shows it": repr([SECRET]),
    "in a URL": f"https://host/?q={quote(SECRET, safe='')}",
    "in a login": base64.b64encode(f"user:{SECRET}".encode()).decode(),
    "in a longer login": base64.b64encode(f"user1:{SECRET} and more".encode()).decode(),
    "in another login": base64.b64encode(f"user12:{SECRET}".encode()).decode(),
}


def step(input: Any, **fields: Any) -> dict[str, Any]:
    return {"key": "a", "type": "noop", "input": input, **fields}


def checked(*subtasks: dict[str, Any], known: tuple[str, ...] = ("TOKEN",), **fields: Any) -> ValidPlan:
    body = {"plan": {"subtasks": list(subtasks)}, **fields}
    return validate(body, lambda _: Noop(), ["noop"], Limits(), Allowed(set(known).__contains__, Masker([OWN]).hits))


def faults_of(*subtasks: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        checked(*subtasks, **fields)
    return [(fault.pointer, fault.detail) for fault in refused.value.faults]


# --- covering ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_covered_however_it_is_written(form: str) -> None:
    masker, text = Masker([SECRET]), FORMS[form]
    covered = masker.text(text)
    assert MASK in covered
    assert "hunter" not in covered
    for before in range(3):
        assert base64.b64encode(SECRET.encode())[4 - before : 12].decode() not in covered


def test_it_is_covered_in_names_and_numbers_too_and_the_rest_stays() -> None:
    masker = Masker(["123456789", "abcdefgh"])
    value = {"n": 123456789, "x": 12345, "t": True, "none": None, "xabcdefgh": ["abcdefgh!", 1.5], "tuple": ("ok",)}
    assert masker.value(value) == {"n": MASK, "x": 12345, "t": True, "none": None, f"x{MASK}": [f"{MASK}!", 1.5],
                                   "tuple": ["ok"]}  # fmt: skip
    assert masker.output(value) == masker.value(value)


def test_each_long_line_of_a_key_is_covered_by_itself() -> None:
    masker = Masker([PEM])
    assert masker.text("it has MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn in it") == f"it has {MASK} in it"


def test_what_holds_no_secret_is_handed_on_as_it_is() -> None:
    output = {"a": [1, "two"]}
    assert Masker([SECRET]).output(output) is output
    assert Masker([]).output(output) is output
    assert Masker(["short"]).text("a short text") == "a short text"
    assert Masker([SECRET]).output(object) is object


@given(st.text(min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_text_shows_a_secret(secret: str, before: str, after: str) -> None:
    covered = Masker([secret]).text(before + secret + after)
    assert secret not in covered or secret in MASK


# --- found where it is written out -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("input", "place", "what"),
    [
        ({"headers": {"Authorization": "Bearer abc"}}, "/headers/Authorization", "the header Authorization"),
        ({"headers": {"cookie": "session=1"}}, "/headers/cookie", "the header cookie"),
        ({"headers": {"X-API-Key": ["k"]}}, "/headers/X-API-Key", "the header X-API-Key"),
        ({"a": [{"headers": {"authorization": r"\{{secrets.TOKEN}}"}}]}, "/a/0/headers/authorization", "the header"),
        ({"url": "https://me:pass@host/"}, "/url", "a password in a URL"),
        ({"url": "https://{{input.me}}:pass@host/"}, "/url", "a password in a URL"),
        ({"url": "https://host/?a=1&password=hunter2"}, "/url", "password= in a URL"),
        (["curl", "-H", "Authorization: Bearer abc"], "/2", "the header Authorization"),
        (["x-api-key: k9"], "/0", "the header x-api-key"),
        ("Bearer 0123456789abcdef0", "", "a login"),
        ({"k": [f"x {OWN}"]}, "", "a secret of this engine"),
        ({"key": "sk-ant-api03-" + "x" * 24}, "/key", "a key that begins with sk-"),
        ({"k": ["see AKIAIOSFODNN7EXAMPLE."]}, "/k/0", "an access key of AWS"),
        ({GITHUB: 1}, "", "a token of GitHub in the name of a field"),
        ({"a/b": GITHUB}, "/a~1b", "a token of GitHub"),
        (PEM, "", "a private key"),
        (f"x {JWT}", "", "a JSON Web Token"),
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(input: Any, place: str, what: str) -> None:
    found = faults_of(step(input))
    assert [pointer for pointer, _ in found] == [f"/plan/subtasks/0/input{place}"]
    assert found[0][1].startswith(what)
    assert "{{secrets.NAME}}" in found[0][1]
    for secret in (OWN, "hunter2", "pass@", GITHUB, JWT, "MIIE", "0123456789abcdef0"):
        assert secret not in str(found)


@pytest.mark.parametrize(
    "input",
    [
        {"headers": {"Authorization": "Bearer {{secrets.TOKEN}}", "Cookie": "", "Accept": "text/html"}},
        {"headers": {"Authorization": "{{input.token}}"}},
        {"url": "https://me:{{secrets.TOKEN}}@host/?password={{secrets.TOKEN}}&token=next"},
        {"url": "http://127.0.0.1:8003/a:b@c"},
        {"argv": ["curl", "-H", "Authorization: Bearer {{secrets.TOKEN}}"]},
        {"rows": [{"cookie": "chocolate", "authorization": "granted", "note": "Basic understanding of sk-learn"}]},
        "Authorization: this is about who may do what",
        "task-0123456789012345678901234567890123456789",
    ],
)
def test_references_and_other_words_are_no_secrets(input: Any) -> None:
    assert checked(step(input)).subtasks


def test_it_is_found_in_every_field_of_a_body() -> None:
    fallback = {"type": "noop", "input": {"k": GITHUB}}
    assert [place for place, _ in faults_of(step({}, fallback=fallback))] == ["/plan/subtasks/0/fallback/input/k"]
    mapped = step({}, map={"over": [GITHUB]})
    assert [place for place, _ in faults_of(mapped)] == ["/plan/subtasks/0/map/over/0"]
    fields = (("input", {"a": GITHUB}), ("input", {"b": OWN}), ("name", GITHUB), ("tags", [GITHUB]), ("user_id", OWN))
    for field, value in fields:
        assert faults_of(step({}), **{field: value})[0][0].startswith(f"/{field}")
    for body, place in (
        ({"description": f"fetch it with {GITHUB}"}, "/description"),
        ({"type": "noop", "input": {"token": GITHUB}}, "/input/token"),
        ({"type": "noop", "parameters": {"x": [{"headers": {"Cookie": "{{secrets.TOKEN}}"}}]}},
         "/parameters/x/0/headers/Cookie"),
        ({"template": "mine", "parameters": {"token": GITHUB}}, "/parameters/token"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            request_of(body)
        assert [fault.pointer for fault in refused.value.faults] == [place]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("{{secrets.ELSEWHERE}}", ""),
        ({"a": [{"b/c": " {{ secrets.ELSEWHERE }} "}]}, "/a/0/b~1c"),
        ({"a": "Basic {{secrets.TOKEN}}!"}, "/a"),
        ({"a": "${{ secrets.TOKEN }} of a workflow, {{secrets.ELSEWHERE}} of another engine"}, None),
        ({"a": r"\{{secrets.TOKEN}} {{secret.TOKEN}} {{secrets.TOKEN.x}} {{secrets}}"}, None),
        ({"steps": [{"name": "call", "input": {"a": "{{secrets.TOKEN}}"}}]}, None),
    ],
)
@pytest.mark.parametrize("field", ["input", "parameters"])
def test_a_secret_that_is_named_in_data_is_refused_with_the_place_where_it_works(
    field: str, value: Any, place: str | None
) -> None:
    if field == "parameters" and not isinstance(value, dict):
        return
    try:
        request_of({"type": "noop", field: value}, Allowed({"TOKEN"}.__contains__, lambda _: False))
    except InvalidInput as refused:
        found = [(fault.pointer, "write it in the input of a subtask" in fault.detail) for fault in refused.faults]
        assert found == [(f"/{field}{place}", True)]
    else:
        assert place is None


def test_what_grows_is_looked_at_like_what_is_sent() -> None:
    def grow(input: Any, *known: str) -> str:
        allowed = Allowed(set(known).__contains__, lambda _: False)
        place = ("T.0000000", "a", Refs(), lambda _: Noop(), ["noop"], Bounds(5, 100), None, allowed)
        with pytest.raises(ToolError) as refused:
            grown(Expand([{"key": "b", "type": "noop", "input": input}]), *place)
        return str(refused.value)

    assert "a token of GitHub" in grow({"k": GITHUB})
    assert "there is no such secret" in grow("{{secrets.TOKEN}}")
    assert "there is no such secret" in grow("{{secrets.OTHER}}", "TOKEN")


def test_a_text_by_itself_is_looked_at_too() -> None:
    assert in_text(f"with {GITHUB}").startswith("a token of GitHub")
    assert in_text("https://a:{{secrets.X}}@b").startswith("a password")
    assert in_text("a harmless comment") == ""
    assert not suspicious(b'{"n": 1, "text": "nothing to see"}')
    assert not list(literals({"code": "Bearer {{secrets.X}}"}, {"code"}))


# --- references ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{{secrets.NOWHERE}}", "there is no such secret; keep it as AGENT03_SECRET_NOWHERE"),
        ("{{secrets}}", "it names no secret"),
        ("{{secrets.A.b}}", "it names no secret"),
        ("{{secrets[0]}}", "it names no secret"),
        ("${{ secrets.GITHUB }}", r"\{{ for literal braces"),
    ],
)
def test_a_secret_that_is_not_there_is_refused_at_the_door(text: str, detail: str) -> None:
    place, said = faults_of(step({"a": text}))[0]
    assert place == "/plan/subtasks/0/input/a"
    assert detail in said or "no such secret" in said


def test_a_map_cannot_go_over_a_secret() -> None:
    assert "stored with each item" in faults_of(step("{{item}}", map={"over": ["{{secrets.TOKEN}}"]}))[0][1]


def test_a_plan_notes_the_names_that_it_needs() -> None:
    plan = checked(step({"a": "{{secrets.TOKEN}}", "b": "x {{ secrets.OTHER }}"}), known=("TOKEN", "OTHER"))
    assert plan.subtasks[0].refs == Refs(secrets=["OTHER", "TOKEN"])


def test_a_secret_is_resolved_for_the_tool_alone_and_what_it_gives_is_never_searched_again() -> None:
    value = {"whole": "{{secrets.A}}", "part": "Bearer {{ secrets.A }}!", "data": "{{input.text}}"}
    scope = Scope(input={"text": "{{secrets.A}}"})
    assert resolve(value, scope) == {
        "whole": "{{secrets.A}}",
        "part": "Bearer {{ secrets.A }}!",
        "data": "{{secrets.A}}",
    }
    opened = resolve(value, msgspec.structs.replace(scope, secrets={"A": "{{input.text}}"}))
    assert opened == {"whole": "{{input.text}}", "part": "Bearer {{input.text}}!", "data": "{{secrets.A}}"}


# --- where they are kept ---------------------------------------------------------------------------------------------


def vault(tmp_path: Path, **variables: str) -> Vault:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return Vault(SecretPlaces(variables, folders), ["of the settings"], lambda: kept_key(tmp_path / "secrets.key"))


async def test_a_variable_goes_before_a_file_and_a_file_is_read_each_time(tmp_path: Path) -> None:
    found = vault(tmp_path, BOTH="from a variable")
    (tmp_path / "first" / "BOTH").write_text("from a file")
    (tmp_path / "second" / "FILE").write_text("the-first-one\n")
    assert await found.take(["BOTH", "FILE"]) == {"BOTH": "from a variable", "FILE": "the-first-one"}
    (tmp_path / "first" / "FILE").write_text("the-second-one\r\n")
    assert await found.take(["FILE"]) == {"FILE": "the-second-one"}
    assert found.text("the-first-one the-second-one of the settings") == f"{MASK} {MASK} {MASK}"
    assert [name for name in ("BOTH", "FILE", "NONE", "../FILE", "a b") if found.has(name)] == ["BOTH", "FILE"]


async def test_all_there_is_is_covered_from_the_start(tmp_path: Path) -> None:
    found = vault(tmp_path, A="from a variable")
    (tmp_path / "second" / "FILE").write_text("never asked for")
    (tmp_path / "second" / "binary").write_bytes(b"\xff\xfe")
    await found.begin()
    assert found.text("from a variable, never asked for") == f"{MASK}, {MASK}"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "does not exist"), (b"five!", "has 5 characters"), (b"\xff" * 9, "is not UTF-8 text")]
)
async def test_a_secret_that_is_of_no_use_says_what_to_do(tmp_path: Path, content: bytes | None, why: str) -> None:
    found = vault(tmp_path)
    if content is not None:
        (tmp_path / "first" / "NAME").write_bytes(content)
    with pytest.raises(ToolError, match=why) as refused:
        await found.take(["NAME"])
    assert refused.value.category is Category.CONFIGURATION
    assert "AGENT03_SECRET_NAME" in refused.value.suggestion


async def test_a_stamp_changes_with_the_secret_and_the_key_and_is_kept(tmp_path: Path) -> None:
    one = await vault(tmp_path).stamps({"A": "secret-one"})
    assert one == await vault(tmp_path).stamps({"A": "secret-one"})
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600
    others = [await vault(tmp_path).stamps({"A": "secret-two"}), await Vault().stamps({"A": "secret-one"})]
    assert one not in others
    assert list(one) == ["secrets.A"]


def test_an_error_and_what_it_carries_are_covered() -> None:
    found = Vault(hidden=[SECRET])
    harmless = ToolError("nothing")
    assert found.error(harmless) is harmless
    error = found.error(
        Fatal(f"no {SECRET}", suggestion=f"not {SECRET}", output={"a": SECRET}, delay=3.0, crashed=True)
    )
    assert (str(error), error.suggestion, error.output) == (f"no {MASK}", f"not {MASK}", {"a": MASK})
    assert (error.category, error.repeat, error.delay, error.crashed) == (Category.CONFIGURATION, False, 3.0, True)
    expand = found.returned(Expand([{"key": "b", "type": "noop", "input": SECRET}], output=SECRET, note={"n": SECRET}))
    assert expand == Expand([{"key": "b", "type": "noop", "input": MASK}], output=MASK, note={"n": MASK})
    try:
        raise ValueError("x") from KeyError(SECRET)
    except ValueError as raised:
        assert found.shown(raised) is None
    assert found.shown(ValueError("x")) is not None


def test_the_secrets_of_the_settings_are_known() -> None:
    settings = Settings(
        neo4j_auth=SecretStr("neo4j/the-word-of-neo4j"),
        redis_url="redis://:the%2Dword-of-redis@host:1/0",
        anthropic_api_key=SecretStr("the-key-of-claude"),
        anthropic_base_url="http://me:the-word-of-a-proxy@host",
        webhook_secret=SecretStr("whsec_" + "c2VjcmV0IG9mIHRoaXMgdGVzdCwgbG9uZyBlbm91Z2g="),
    )
    found = set(hidden_in(settings))
    assert {"the-word-of-neo4j", "the-word-of-redis", "the-key-of-claude", "the-word-of-a-proxy"} <= found
    assert "c2VjcmV0IG9mIHRoaXMgdGVzdCwgbG9uZyBlbm91Z2g=" in found
    assert list(hidden_in(Settings())) == []
    assert list(hidden_in(Settings(neo4j_auth=SecretStr("neo4j/password")))) == []
