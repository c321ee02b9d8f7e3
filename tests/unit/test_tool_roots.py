"""Reaching files below the roots, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import Category, ToolError
from engine.tools.roots import Roots


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with a folder in it, and a secret beside it."""
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "sub" / "file").write_text("in")
    (tmp_path / "other").mkdir()
    (tmp_path / "secret").write_text("out")
    return tmp_path


def read(roots: Roots, path: str) -> str:
    """What is at a path."""
    with roots.open(path) as place, os.fdopen(os.open(place.name, os.O_RDONLY, dir_fd=place.folder)) as file:
        return file.read()


def test_paths_below_a_root_are_found(tree: Path) -> None:
    roots = Roots([str(tree / "root"), str(tree / "other")])
    (tree / "other" / "second").write_text("2")
    assert read(roots, "sub/file") == "in"
    assert read(roots, "./sub/../sub/file") == "in"
    assert read(roots, str(tree / "root/sub/file")) == "in"
    assert read(roots, str(tree / "other/second")) == "2"


@pytest.mark.parametrize(
    "path", ["../secret", "sub/../../secret", "/etc/passwd", "{tree}/secret", "{tree}/root2", ".."]
)
def test_paths_outside_are_refused(tree: Path, path: str) -> None:
    (tree / "root2").write_text("a name that begins alike")
    with pytest.raises(ToolError) as caught:
        read(Roots([str(tree / "root")]), path.format(tree=tree))
    assert caught.value.category is Category.CONFIGURATION
    assert "FILE_ROOTS" in caught.value.suggestion


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "{tree}/secret", "missing/../../secret"])
def test_links_that_lead_outside_are_refused(tree: Path, target: str) -> None:
    (tree / "root" / "link").symlink_to(target.format(tree=tree))
    (tree / "root" / "folder").symlink_to(tree)
    roots = Roots([str(tree / "root")])
    for path in ("link", "folder/secret", "folder"):
        with pytest.raises(ToolError, match="outside the allowed folders"):
            roots.resolve(path)


def test_links_that_stay_inside_are_followed(tree: Path) -> None:
    (tree / "root" / "link").symlink_to("sub/file")
    (tree / "root" / "folder").symlink_to(tree / "root" / "sub")
    roots = Roots([str(tree / "root")])
    assert read(roots, "link") == read(roots, "folder/file") == "in"
    assert roots.resolve("link", follow=False)[1].name == "link"
    assert roots.resolve("sub/..", follow=False)[1] == tree / "root"


def test_a_root_may_itself_be_a_link(tree: Path) -> None:
    (tree / "alias").symlink_to(tree / "root")
    roots = Roots([str(tree / "alias")])
    assert (
        read(roots, "sub/file") == read(roots, str(tree / "root/sub/file")) == read(roots, str(tree / "alias/sub/file"))
    )


def test_a_link_put_in_place_after_the_check_leads_nowhere(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = Roots([str(tree / "root")])
    checked = roots.resolve("sub/file")
    (tree / "root" / "sub" / "file").unlink()
    (tree / "root" / "sub").rmdir()
    (tree / "root" / "sub").symlink_to(tree)
    monkeypatch.setattr(roots, "resolve", lambda *_, **__: checked)
    with pytest.raises(NotADirectoryError):
        read(roots, "sub/file")


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_is_no_path_is_refused(tree: Path, path: str) -> None:
    roots = Roots([str(tree)])
    assert "must be a path" in str(roots.fault(path))
    with pytest.raises(ToolError, match="must be a path"):
        roots.resolve(path)


def test_what_surely_leaves_is_told_without_looking(tree: Path) -> None:
    roots = Roots([str(tree / "root")])
    assert roots.fault("a/../b") is None
    assert roots.fault("/anything") is None, "an absolute path is judged when it is used"
    for path in ("..", "../x", "a/../../x"):
        assert "leaves the folder" in str(roots.fault(path))


def test_missing_folders_are_made_on_request_only(tree: Path) -> None:
    roots = Roots([str(tree / "new" / "root")])
    with pytest.raises(FileNotFoundError), roots.open("a/b/file"):
        pass
    assert not (tree / "new").exists()
    with roots.open("a/b/file", create=True) as place:
        assert place.path == tree / "new/root/a/b/file"
    assert (tree / "new/root/a/b").is_dir()


def test_the_root_itself_is_a_place(tree: Path) -> None:
    with Roots([str(tree / "root")]).open(".") as place:
        assert (place.name, os.listdir(place.folder)) == (".", ["sub"])


def test_without_roots_there_is_nothing(tree: Path) -> None:
    with pytest.raises(ToolError, match="none: set FILE_ROOTS"):
        Roots([]).resolve("a")


def test_no_descriptor_stays_open(tree: Path) -> None:
    roots = Roots([str(tree / "root")])
    before = len(os.listdir("/proc/self/fd"))
    read(roots, "sub/file")
    with pytest.raises(FileNotFoundError):
        read(roots, "sub/missing/file")
    assert len(os.listdir("/proc/self/fd")) == before
