"""``make validation``: writes VALIDATION.md, what was checked on which commit and what came of it.

Nothing is written from memory and nothing is carried over: a figure stands there only when this command has just read
it from a file that a named command has made, of the same commit. Where there is none, it says which command makes it.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.table import machine
from tests.support.transcripts import REPOSITORY

PAGE = REPOSITORY / "VALIDATION.md"
COVERAGE = REPOSITORY / ".coverage"
LIBRARIES = ("ladybug", "neo4j", "duckdb", "fastapi", "pydantic", "msgspec", "anthropic")
HEAD = """# Validation

What was checked, and what came of it. Written by `make validation`; nothing in it is written by hand.
"""
REST = """## What is not in here

`make chaos` kills and freezes engines and servers for a quarter of an hour, and prints what it has seen. What is
known to be missing or weak stands in [docs/flaws.md](docs/flaws.md).
"""
NO_FIGURES = """None: `.venv/bin/python -m tests.bench --json figures.json` takes half an hour and a machine that does
nothing else; `make validation ARGUMENTS="--figures figures.json"` writes them here. The last that were taken are in
[docs/performance.md](docs/performance.md), with their commit.
"""


def page(told: str, tests: Mapping[str, int], coverage: str, bench: Mapping[str, Any] | None) -> str:
    """The whole file."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    parts = [
        HEAD,
        f"On {told}; {platform.system()} {platform.machine()}.\n\nWith {libraries}; the rest in `requirements.lock`.\n",
        "## Tests\n\n" + "\n".join(_tests(tests)),
        f"## Coverage\n\n{coverage}\n",
        "## Figures\n\n" + "\n".join(_figures(bench, told)),
        REST,
    ]
    return "\n".join(parts)


def _tests(tests: Mapping[str, int]) -> Iterator[str]:
    """How many there are in each folder."""
    yield "`make test` runs them all, on the embedded graph, a real Neo4j and a real Redis; `make check` also measures"
    yield "coverage, and checks types and imports. A test on both graphs counts twice.\n"
    yield "| folder | tests |"
    yield "|---|---:|"
    yield from (f"| `tests/{folder}` | {count:,} |" for folder, count in sorted(tests.items()))
    yield f"| all | {sum(tests.values()):,} |\n"


def _figures(bench: Mapping[str, Any] | None, told: str) -> Iterator[str]:
    """The figures of a run of the benchmarks, if it was of this commit."""
    if bench is None:
        yield NO_FIGURES
        return
    if commit_of(str(bench["machine"])) != commit_of(told):
        raise SystemExit(
            f"these figures are of commit {commit_of(str(bench['machine']))}, this is {commit_of(told)}: "
            "run `python -m tests.bench --json FILE` again, or leave --figures away"
        )
    yield f"`python -m tests.bench`, medians of {bench['rounds']}; {bench['machine']}.\n"
    yield "| graph | what | median | unit | aim | |"
    yield "|---|---|---:|---|---|---|"
    for line in bench["figures"]:
        median = line["note"] or "not measured" if line["median"] is None else f"{line['median']:,.4g}"
        reached = {True: "reached", False: "missed", None: ""}[line["reached"]]
        yield f"| {line['graph']} | {line['what']} | {median} | {line['unit']} | {line['aim']} | {reached} |"
    yield ""


def commit_of(told: str) -> str:
    """The commit that a line about a machine names; a dirty tree is another one than a clean one."""
    return told.rpartition("commit ")[2]


def counted(listing: str) -> dict[str, int]:
    """Tests by folder, from what ``pytest --collect-only`` prints: ``tests/unit/test_ids.py: 12``."""
    found: Counter[str] = Counter()
    for line in listing.splitlines():
        path, _, count = line.rpartition(": ")
        if path.startswith("tests/") and count.isdigit():
            found[path.split("/")[1]] += int(count)
    return dict(found)


def collected() -> dict[str, int]:
    """The tests that there are."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the tests cannot be collected:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return counted(done.stdout)


def covered(data: Path, newest_source: float) -> str:
    """What the coverage data of the last ``make check`` says, if nothing has changed since."""
    if not data.exists():
        return "Not measured: `make check` measures it, and ends with an error below 90 percent."
    if data.stat().st_mtime < newest_source:
        return "The last measurement is older than the code: `make check` measures it anew."
    command = [sys.executable, "-m", "coverage", "report", f"--data-file={data}", "--format=total", "--precision=1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"coverage cannot read {data}: {done.stderr.strip()}; run `make check` again")
    return (
        f"{done.stdout.strip()} percent of lines and branches in `engine`, `graph` and `api`, by the last `make check`."
    )


def newest() -> float:
    """When the code that coverage looks at was changed last."""
    folders = ("engine", "graph", "api")
    return max(file.stat().st_mtime for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def main(words: Sequence[str]) -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(prog="python -m tests.validation", description=__doc__)
    parser.add_argument("--figures", type=Path, help="what `python -m tests.bench --json` has written on this commit")
    asked = parser.parse_args(words)
    bench = json.loads(asked.figures.read_text("utf-8")) if asked.figures else None
    PAGE.write_text(page(machine(), collected(), covered(COVERAGE, newest()), bench), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
