"""The environment becomes settings, or one line that names the variable."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from api.environment import bucket_secrets, colours_wanted, load_settings
from engine.errors import SettingsError
from engine.settings import Settings


def test_unset_and_empty_mean_the_default() -> None:
    assert load_settings(environ={"NEO4J_URL": "", "MAX_PARALLEL_TASKS": "", "OTHER": "x"}) == Settings()


def test_every_kind_of_value_arrives() -> None:
    settings = load_settings(
        environ={
            "BACKEND_PORT": "9000",
            "NEO4J_AUTH": "neo4j/pass/with/slashes",
            "TYPE_LIMITS": "http_request:4, shell:2",
            "FILE_ROOTS": "/a, /b",
            "BLOB_PATH": "/blobs",
            "LOG_FORMAT": "json",
        }
    )
    assert settings.backend_port == 9000
    assert settings.neo4j_login == ("neo4j", "pass/with/slashes")
    assert settings.type_limits == {"http_request": 4, "shell": 2}
    assert settings.file_roots == ["/a", "/b"]
    assert settings.blob_folder == Path("/blobs")
    assert settings.log_format == "json"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BACKEND_PORT", "80x", "valid integer"),
        ("BACKEND_PORT", "70000", "less than or equal to 65535"),
        ("LOG_LEVEL", "loud", "'debug'"),
        ("TYPE_LIMITS", "http_request", "type:count"),
        ("NAMESPACE", "a b\nc", "pattern"),
        ("TASK_TIMEOUT_SECONDS", "nan", "greater than 0"),
        ("TASK_TIMEOUT_SECONDS", "0", "greater than 0"),
    ],
)
def test_a_wrong_value_gives_one_line_with_the_variable_and_the_value(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={name: value})
    message = str(caught.value)
    assert message.startswith(f"{name}=")
    assert value.split()[0] in message
    assert said in message
    assert "\n" not in message


def test_a_wrong_password_setting_is_not_printed() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"NEO4J_AUTH": "hunter2"})
    assert str(caught.value) == "NEO4J_AUTH is not usable: write it as user/password"


def test_the_process_environment_stands_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text(
        "# comment\nNAMESPACE=from-file\nexport NEO4J_AUTH='neo4j/$HOME-pass'\nNEO4J_URL=bolt://file:7687\nBARE\n"
    )
    settings = load_settings(file, environ={"NAMESPACE": "from-process", "NEO4J_URL": ""})
    assert settings.namespace == "from-process"
    assert settings.neo4j_login[1] == "$HOME-pass", "a dollar sign is part of the password"
    assert settings.neo4j_url == "", "empty in the process means the default, whatever the file says"


def test_overrides_win_and_none_among_them_is_unset() -> None:
    settings = load_settings(environ={"BACKEND_PORT": "9000"}, overrides={"backend_port": 9001, "backend_host": None})
    assert (settings.backend_port, settings.backend_host) == (9001, "127.0.0.1")


@pytest.mark.parametrize("content", [None, b"A=\xff\xfe\n"])
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "missing.env"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"missing\.env: .*name a readable file"):
        load_settings(file, environ={})


def test_the_process_environment_is_read_when_nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESPACE", "from-os")
    assert load_settings().namespace == "from-os"


def test_only_names_in_capitals_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAMESPACE", raising=False)
    assert load_settings(environ={"namespace": "small"}).namespace == "agent03"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_need_a_terminal_and_no_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours_wanted(Terminal())
    assert not colours_wanted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours_wanted(Terminal())


def test_what_a_login_to_a_bucket_keeps_to_itself_is_known_to_be_covered() -> None:
    login = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": ""}

    assert bucket_secrets(login) == ["s3cret"]


@pytest.mark.parametrize("place", ["s3://", "s3://Up/x", "s3://user:word@bucket/x", "http://bucket/x", "s3://b/x?y"])
def test_a_place_that_is_neither_folder_nor_bucket_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match=r"write it as a folder, or as s3://bucket/prefix without a login") as error:
        load_settings(environ={"BLOB_PATH": place})
    assert "word" not in str(error.value)
