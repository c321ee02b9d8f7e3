"""``agent03 demo`` as a newcomer meets it, and the audit that it runs, on an environment with known faults."""

from __future__ import annotations

import re
import subprocess
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import yaml

from api.cli.demo import demo_plan
from api.wiring import open_engine
from engine.settings import Settings
from engine.states import TaskStatus
from tests.support.transcripts import REPOSITORY, environment

PACKAGED = REPOSITORY / "api" / "demo" / "audit.yaml"
SHOWN = REPOSITORY / "examples" / "06_audit" / "audit.yaml"
ROOTS = "Roots of the import graph"
STEPS = ("environment", "metadata", "sizes", "hashes", "licences", "roots", "largest", "broken", "report")
MAPS = 3


def agent03(*arguments: str, folder: Path, stdin: str = "", **variables: str) -> tuple[str, str]:
    """Runs the command in ``folder``; returns stdout and stderr."""
    done = subprocess.run(
        ["agent03", *arguments],
        cwd=folder,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def section(report: str, title: str) -> str:
    """The text under a heading."""
    return report.partition(f"## {title}\n")[2].partition("\n## ")[0]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


async def test_the_demo_audits_this_environment_and_the_second_one_takes_all_from_the_cache(tmp_path: Path) -> None:
    report, progress = agent03("demo", folder=tmp_path)

    installed = {canonical(found.metadata["Name"]) for found in distributions()}
    assert f"{len(installed)} distributions" in report
    assert re.search(r"^0 of [\d,]{4,} files differ", section(report, "Broken files"), re.MULTILINE)
    roots = {canonical(line[2:]) for line in section(report, ROOTS).splitlines() if line.startswith("- ")}
    assert "agent03-core-engine" in roots
    assert roots < installed
    assert {"pydantic", "structlog", "typer"}.isdisjoint(roots), "they are required by the engine itself"
    (task_id,) = re.findall(r"^task (\S+) completed", progress, re.MULTILINE)
    assert f"/tasks/{task_id}/graph" in progress
    assert str(tmp_path / "data" / "agent03") in progress
    *_, command = progress.strip().splitlines()
    looked = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert "'environment'" in looked.stdout, looked.stderr
    async with open_engine(Settings(data_path=tmp_path / "data" / "agent03")) as engine:
        task = await engine.task(task_id)
        graph = await engine.graph_of(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert task.counts == {"completed": len(STEPS) + 3 * len(installed)}
    assert sum(node["key"].startswith("hashes[") for node in graph["nodes"]) == len(installed)

    again, second = agent03("demo", folder=tmp_path)

    total = len(STEPS) - MAPS + MAPS * len(installed)
    assert f" 0 of {total} outputs from the cache" in progress
    assert f" {total} of {total} outputs from the cache" in second
    assert again == report


def test_faults_of_an_environment_are_found(tmp_path: Path) -> None:
    site = tmp_path / "site"
    whole = distribution(site, "fake_app", licence="MIT", requires="fake-lib>=1; python_version >= '3.11'")
    changed = distribution(site, "fake_lib", licence="MIT", requires="fake-extra; extra == 'more'")
    missing = distribution(site, "fake_extra", licence="BSD-3-Clause")
    (site / "fake_bare-1.0.dist-info").mkdir()
    (site / "fake_bare-1.0.dist-info" / "METADATA").write_text("Name: fake-bare\n")
    changed.write_bytes(b"tampered with")
    missing.unlink()
    plan = yaml.safe_load(SHOWN.read_text())
    plan["input"] |= {"match": "fake_*", "largest": 2}

    report, _ = agent03("run", "-", folder=tmp_path, stdin=yaml.safe_dump(plan), PYTHONPATH=str(site))

    assert "4 distributions, 5 files" in report
    broken = section(report, "Broken files")
    assert "2 of 3 files differ" in broken
    assert f"| fake_lib | {changed.name} | changed since it was installed |" in broken
    assert f"| fake_extra | {missing.name} | No such file or directory |" in broken
    assert whole.name not in broken
    assert re.findall(r"^\| (.+?) \| (\d) \|$", section(report, "Licences"), re.MULTILINE) == [
        ("MIT", "2"),
        ("unknown", "1"),
        ("BSD-3-Clause", "1"),
    ]
    assert section(report, ROOTS).split("\n- ")[1:] == ["fake-app", "fake-bare", "fake-extra\n"]
    assert section(report, "Largest").count("| 1.0 |") == 2


def distribution(site: Path, name: str, *, licence: str, requires: str = "") -> Path:
    """Installs a distribution of one module below ``site``; returns the module's file."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    fields = ["Metadata-Version: 2.4", f"Name: {name.replace('_', '-')}", "Version: 1.0"]
    fields += [f"License-Expression: {licence}", *([f"Requires-Dist: {requires}"] if requires else [])]
    (info / "METADATA").write_text("\n".join(fields) + "\n")
    module = site / f"{name}.py"
    module.write_text(f'"""The module of {name}."""\n')
    digest = urlsafe_b64encode(sha256(module.read_bytes()).digest()).rstrip(b"=").decode()
    (info / "RECORD").write_text(f"{module.name},sha256={digest},{module.stat().st_size}\n{info.name}/RECORD,,\n")
    return module


def test_the_plan_that_is_shown_is_the_plan_that_is_packaged() -> None:
    assert SHOWN.read_bytes() == PACKAGED.read_bytes()
    assert tuple(subtask["key"] for subtask in demo_plan()["plan"]["subtasks"]) == STEPS
