"""Every example, as its ``session.txt`` shows it, in an empty folder and on an embedded graph of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.transcripts import REPOSITORY, environment, parse, play

EXAMPLES = REPOSITORY / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_example(folder: Path, tmp_path: Path) -> None:
    steps = parse((folder / "session.txt").read_text())
    (tmp_path / "examples").symlink_to(EXAMPLES)

    play(steps, tmp_path, environment())

    assert (tmp_path / "data" / "agent03" / "graph.lbug").exists()


def test_every_file_of_an_example_is_used_by_its_session() -> None:
    for folder in FOLDERS:
        session = (folder / "session.txt").read_text()
        unused = [path.name for path in folder.iterdir() if path.is_file() and path.stem not in session]
        assert unused == ["session.txt"], folder


def test_the_list_of_examples_is_complete() -> None:
    listed = (EXAMPLES / "README.md").read_text()

    assert [folder.name for folder in FOLDERS if f"[{folder.name}]({folder.name}/" not in listed] == []
