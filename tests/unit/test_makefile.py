"""A browser for the tests of the page: taken from the PATH, installed where possible, never a reason to fail.

``make`` gets a PATH of this test's own, so that nothing is installed here.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.transcripts import REPOSITORY

MAKE = shutil.which("make") or "make"
INSTALLS = """
echo "$@" >>"$(dirname "$0")/asked"
[ "$1" = update ] || printf '#!/bin/sh\\n' >"$(dirname "$0")/chromium"
[ "$1" = update ] || chmod +x "$(dirname "$0")/chromium"
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """What is on the PATH."""
    for name in ("bash", "sh", "dirname", "chmod"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def browser(programs: Path) -> tuple[str, str]:
    done = subprocess.run(
        [MAKE, "browser"], cwd=REPOSITORY, env={"PATH": str(programs)}, capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_a_browser_that_is_there_is_taken(programs: Path) -> None:
    program(programs, "chromium", "")
    program(programs, "id", "echo 0")
    program(programs, "apt-get", INSTALLS)

    assert browser(programs) == ("", "")
    assert not (programs / "asked").exists()


def test_root_gets_one_with_apt_get(programs: Path) -> None:
    program(programs, "id", "echo 0")
    program(programs, "apt-get", INSTALLS)

    assert browser(programs) == ("Installing Chromium ...\n", "")
    assert (programs / "asked").read_text().splitlines() == [
        "update -qq",
        "install -qq -y --no-install-recommends chromium fonts-dejavu-core",
    ]


@pytest.mark.parametrize(
    ("user", "apt"), [("1000", INSTALLS), ("0", ""), ("0", "exit 100")], ids=["no root", "none", "broken"]
)
def test_without_one_a_sentence_says_what_to_install_and_nothing_fails(programs: Path, user: str, apt: str) -> None:
    program(programs, "id", f"echo {user}")
    if apt:
        program(programs, "apt-get", apt)

    _, told = browser(programs)

    assert told == (
        "There is no Chromium: the tests of the page are skipped. "
        "Install it: apt-get install chromium fonts-dejavu-core\n"
    )
    assert not (programs / "asked").exists()
