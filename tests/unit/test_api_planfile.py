"""A plan file means the same in YAML as in JSON; what cannot be read is told in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml

from api.cli.exits import Stop
from api.cli.planfile import read_plan
from api.roles import predefined
from api.yaml12 import load_own_yaml, load_yaml
from engine.model import Json


def written(folder: Path, name: str, text: str | bytes) -> str:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(file)


@pytest.mark.parametrize("name", ["plan.json", "plan.yaml", "plan.txt", "plan"])
def test_json_is_read_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    body = {"plan": {"subtasks": [{"key": "a", "input": {"n": 10**30, "f": 1.5e3}}]}}
    assert read_plan(written(tmp_path, name, json.dumps(body))) == body


def test_yaml_is_read(tmp_path: Path) -> None:
    text = """
    # a comment
    name: demo
    plan:
      subtasks:
        - {key: a, type: noop, input: &shared {n: 1}}
        - key: b
          type: noop
          input: {<<: *shared, m: 2}
          retry: {on: [timeout]}
    """
    assert read_plan(written(tmp_path, "plan.yaml", text)) == {
        "name": "demo",
        "plan": {
            "subtasks": [
                {"key": "a", "type": "noop", "input": {"n": 1}},
                {"key": "b", "type": "noop", "input": {"n": 1, "m": 2}, "retry": {"on": ["timeout"]}},
            ]
        },
    }


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-12", -12),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("2026-01-01", "2026-01-01"),
        ("1.2.3", "1.2.3"),
        ("'7'", "7"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("=", "="),
    ],
)
def test_plain_scalars_are_those_of_json(scalar: str, value: Json) -> None:
    found = load_yaml(f"x: {scalar}")["x"]
    assert (found, type(found)) == (value, type(value))


def test_the_loader_builds_no_objects() -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml("!!python/object/apply:os.getcwd []")


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"name: x")))
    assert read_plan("-") == {"name": "x"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("empty.json", " \n", "is empty"),
        ("broken.json", '{\n "a": 1,\n "b" 2}', "line 3, column 6"),
        ("cut.json", '{"a": [1', "not usable JSON: Input data was truncated"),
        ("broken.yaml", "a: 1\nb: [1,\nc: 2", "line 3, column 5"),
        ("tab.yaml", "a:\n\t- 1", "line 2, column 1"),
        ("binary.yaml", b"\xff\xfe\x00", "neither usable JSON nor YAML"),
        ("deep.json", "[" * 100_000, "recursion"),
        ("deep.yaml", "[" * 1_500, "recursion"),
        ("bool.yaml", "a: 1\nb: !!bool maybe", "this is no bool in line 2, column 4"),
        ("time.yaml", "!!timestamp soon", "this is no timestamp in line 1, column 1"),
        ("day.yaml", "!!timestamp 2026-13-45", "this is no timestamp"),
        ("long.yaml", "a: " + "9" * 5_000, "this is no int in line 1, column 4"),
    ],
)
def test_what_cannot_be_read_gives_one_line_with_the_place(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    with pytest.raises(Stop) as caught:
        read_plan(written(tmp_path, name, text))
    message = str(caught.value)
    assert caught.value.code == 2
    assert name in message
    assert said in message
    assert "\n" not in message


def test_a_missing_file_or_a_folder_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"cannot read .*absent\.json: No such file"):
        read_plan(str(tmp_path / "absent.json"))
    with pytest.raises(Stop, match="Is a directory"):
        read_plan(str(tmp_path))


def test_what_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(RecursionError):
        load_yaml("[" * 100_000)


def test_a_file_of_the_engine_says_the_same_to_both_readers() -> None:
    assert load_own_yaml(predefined()) == load_yaml(predefined())
