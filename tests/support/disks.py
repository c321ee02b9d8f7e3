"""Small disks, which a test can fill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A disk of its own at ``folder``, which is made; the test is skipped where none may be mounted.

    Args:
        folder: where it is mounted.
        options: of a disk in memory, such as ``size=8m``.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command, so there is no small disk to fill")
    if done.returncode != 0:
        pytest.skip(f"this user may not mount a small disk to fill: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
