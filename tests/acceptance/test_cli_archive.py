"""``agent03 archive`` as one uses it: out, gone, back, and what it says of wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.test_cli import GOOD, Cli, cli_on_graph
from tests.support.s3 import new_bucket, variables


@pytest.fixture(params=["embedded", "neo4j"])
def cli(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> Cli:
    return cli_on_graph(request, tmp_path, namespace, 1)


def test_tasks_go_into_an_archive_and_come_back(cli: Cli, tmp_path: Path) -> None:
    assert cli("run", cli.plan(GOOD)).returncode == 0
    place = str(tmp_path / "archives")

    went = cli("archive", "run", "--older-than", "0", place)
    sizes = json.loads(cli("doctor", "--json").stdout)["checks"]
    listed = cli("archive", "list", place, "--json")
    came = cli("archive", "import", place)
    again = cli("archive", "import", place)
    well = cli("doctor")

    assert went.returncode == 0, went.stderr
    assert "  1 tasks  " in went.stdout
    assert " Task" not in next(check["detail"] for check in sizes if check["name"] == "sizes")
    (manifest,) = json.loads(listed.stdout)
    assert manifest["tables"]["tasks"]["rows"] == 1
    assert (came.returncode, "1 tasks came in, 0 were there" in came.stdout) == (0, True), came.stderr
    assert "0 tasks came in, 1 were there" in again.stdout
    assert well.returncode == 0, well.stdout


def test_wrong_input_is_answered_with_one_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text("{")
    (tmp_path / "file").touch()

    for arguments, code, words in [
        (["import", str(tmp_path / "empty")], 1, "holds no archive"),
        (["import", str(tmp_path / "bad")], 1, "is no manifest of an archive"),
        (["import"], 2, "name a folder or s3://bucket/prefix, or set ARCHIVE_PATH"),
        (["run", str(tmp_path / "x")], 2, "say how old tasks have to be"),
        (
            ["run", "--older-than", "1", str(tmp_path / "file")],
            1,
            "cannot be written: File exists; correct ARCHIVE_PATH",
        ),
        (["export", "s3:/x/y", "--older-than", "x"], 2, "--older-than"),
    ]:
        ended = cli("archive", *arguments)
        assert ended.returncode == code, ended.stderr
        assert words in " ".join(ended.stderr.split()), ended.stderr
        assert "Traceback" not in ended.stderr


def test_archives_may_be_in_a_bucket(cli: Cli, s3_server: str) -> None:
    cli.settings.update(variables(s3_server), ARCHIVE_PATH=f"s3://{new_bucket(s3_server)}/old")
    assert cli("run", cli.plan(GOOD)).returncode == 0

    went = cli("archive", "run", "--older-than", "0")
    listed = cli("archive", "list")
    came = cli("archive", "import")

    assert went.returncode == 0, went.stderr
    assert listed.stdout == went.stdout
    assert "1 tasks came in" in came.stdout, came.stderr
