"""What a server's folder keeps, the lock around it, free ports, and the archive of classes."""

from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import pytest

from graph.server import LocalNeo4jError, ServerSpec, StartFailed, jar_cache
from graph.server.classes import archive_flags, archive_path, keep, new_recording
from graph.server.java import Java
from graph.server.lock import held
from graph.server.ports import HIGHEST, LOWEST, choose, free_port, is_free
from graph.server.process import ProcessId
from graph.server.state import SavedState, create_password, read_password, read_state, write_state


def test_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    state = SavedState(bolt_port=20001, http_port=20002, pid=17, started=12.5, recording="/x.jsa")

    write_state(tmp_path, SavedState(bolt_port=1, http_port=2))
    write_state(tmp_path, state)

    assert read_state(tmp_path) == state
    assert state.process == ProcessId(17, 12.5)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_folder_that_never_had_a_start_has_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    assert read_password(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", '{"bolt_port": 0, "http_port": 1}', '{"bolt_port": "x"}'])
def test_a_damaged_state_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)

    with pytest.raises(LocalNeo4jError, match=r"state\.json is damaged"):
        read_state(tmp_path)


def test_the_password_is_long_kept_and_for_its_owner_only(tmp_path: Path) -> None:
    password = create_password(tmp_path)

    assert read_password(tmp_path) == password
    assert len(password) == 32
    assert password != create_password(tmp_path)
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


def test_a_lock_that_somebody_holds_ends_in_a_sentence(tmp_path: Path) -> None:
    with (
        held(tmp_path / "lock", 1),
        pytest.raises(LocalNeo4jError, match=r"another process has held .*lock"),
        held(tmp_path / "lock", 0),
    ):
        pytest.fail("two holders")


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with held(tmp_path / "lock", 10):
            order.append("second")

    with held(tmp_path / "lock", 1):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait(5)
        order.append("first")
    thread.join(10)

    assert order == ["first", "second"]


def test_a_port_in_use_is_not_free_and_a_given_one_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]

        assert not is_free(taken)
        with pytest.raises(StartFailed, match=f"port {taken} of 127.0.0.1 is taken"):
            choose(taken, None)
        assert choose(None, taken) != taken


def test_ports_are_taken_below_those_of_outgoing_connections() -> None:
    first = free_port()
    second = free_port({first})

    assert LOWEST <= first <= HIGHEST
    assert first != second


def test_the_port_of_the_last_start_is_taken_again_unless_another_is_given() -> None:
    last, given = free_port(), free_port()

    assert choose(None, last) == last
    assert choose(given, last) == given
    assert choose(None, last, {last}) != last


def test_an_archive_is_used_when_it_is_there_and_recorded_when_asked(tmp_path: Path) -> None:
    archive = archive_path(tmp_path, Java("/usr/bin/java", "17.0.15"))
    recording = new_recording(archive)

    assert archive_flags(archive, None) == []
    assert f"-XX:ArchiveClassesAtExit={recording}" in archive_flags(archive, recording)
    recording.write_bytes(b"classes")
    keep(recording, whole=True)
    assert archive.read_bytes() == b"classes"
    assert f"-XX:SharedArchiveFile={archive}" in archive_flags(archive, new_recording(archive))


def test_a_recording_whose_writer_was_killed_is_thrown_away(tmp_path: Path) -> None:
    archive = archive_path(tmp_path, Java("/usr/bin/java", "17.0.15"))
    recording = new_recording(archive)
    recording.write_bytes(b"half")

    keep(recording, whole=False)

    assert list(tmp_path.iterdir()) == []
    keep(recording, whole=True)
    assert not archive.exists()


@pytest.mark.parametrize(
    ("environ", "base"),
    [
        ({"XDG_CACHE_HOME": "/caches", "HOME": "/home/x"}, "/caches"),
        ({"HOME": "/home/x"}, "/home/x/.cache"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/x"}, "/home/x/.cache"),
    ],
)
def test_the_cache_follows_the_xdg_rules(environ: dict[str, str], base: str) -> None:
    assert jar_cache(environ) == Path(base) / "agent03" / "neo4j-5.26.30"


def test_a_spec_is_absolute_and_under_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    spec = ServerSpec.under(Path("data"), {"HOME": "/home/x"}, bolt_port=7433)

    assert spec.folder == tmp_path / "data" / "neo4j"
    assert (spec.bolt_port, spec.http_port, spec.heap_mb, spec.page_cache_mb) == (7433, None, 512, 256)
