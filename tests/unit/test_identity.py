"""The engine's id: one living engine per data folder, and the same id in every life."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from engine.errors import GraphLocked
from engine.identity import FILE, Identity

NOW = 1_795_000_000_000


def _hold(folder: Path, told: Connection) -> None:
    told.send(Identity(folder).take(NOW))
    signal.pause()


def test_the_id_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first = Identity(folder)
    engine_id = first.take(NOW)
    first.release()

    again = Identity(folder)

    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", engine_id)
    assert again.take(NOW + 1) == engine_id
    again.release()


def test_a_second_engine_is_refused_with_the_process_that_holds_it(tmp_path: Path) -> None:
    first = Identity(tmp_path)
    engine_id = first.take(NOW)

    with pytest.raises(GraphLocked, match=rf"runs already as process {os.getpid()}: .*agent03 submit"):
        Identity(tmp_path).take(NOW)

    first.release()
    assert Identity(tmp_path).take(NOW) == engine_id


def test_a_refusal_leaves_the_holder_alone(tmp_path: Path) -> None:
    first = Identity(tmp_path)
    first.take(NOW)
    before = (tmp_path / FILE).read_text()
    for _ in range(3):
        with pytest.raises(GraphLocked):
            Identity(tmp_path).take(NOW)

    assert (tmp_path / FILE).read_text() == before


def test_the_kernel_frees_the_id_of_a_killed_engine(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    holder = context.Process(target=_hold, args=(tmp_path, there))
    holder.start()
    try:
        assert here.poll(30)
        engine_id = here.recv()
        with pytest.raises(GraphLocked, match=f"process {holder.pid}"):
            Identity(tmp_path).take(NOW)
    finally:
        holder.kill()
        holder.join(30)

    identity = Identity(tmp_path)
    assert identity.take(NOW) == engine_id
    identity.release()


def test_releasing_twice_or_before_taking_does_nothing(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    identity.release()
    identity.take(NOW)
    identity.release()
    identity.release()


def test_folders_have_ids_of_their_own(tmp_path: Path) -> None:
    assert Identity(tmp_path / "a").take(NOW) != Identity(tmp_path / "b").take(NOW)
