"""The documents of the repository: their fenced blocks by heading, their links, and what links can lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.transcripts import REPOSITORY

README = REPOSITORY / "README.md"
QUICKSTART = REPOSITORY / "docs" / "quickstart.md"
DOCUMENTS = [
    README,
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "VALIDATION.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    REPOSITORY / "examples" / "README.md",
]
NOT_PLAYED = {
    "make demo": "builds a virtual environment from the network; test_demo.py plays what it runs",
    "make bench": "takes half an hour; test_bench.py runs every scenario at small sizes",
    "make chaos": "takes a quarter of an hour; test_chaos.py runs in a short form",
    "make bench-peers": "installs other engines from the network",
    "prometheus --config.file=ops/prometheus.yml": "runs until it is stopped; test_monitoring.py reads the file",
    "promtool test rules ops/alerts_test.yml": "needs Prometheus's tool; test_monitoring.py runs it where there is one",
    "pip install opentelemetry-distro opentelemetry-exporter-otlp": "installs from the network",
    "OTEL_SERVICE_NAME=agent03 opentelemetry-instrument agent03 serve": (
        "needs what the line before installs; test_tracing.py collects with the SDK itself"
    ),
    "scripts/start.sh --build": "needs a Docker engine; test_scripts.py runs it with a stand-in for compose",
    "scripts/start.sh": "the same",
    "scripts/stop.sh": "the same",
    "sudo tar --create --gzip --file backup.tar.gz --directory data/agent03 compose": "copies what compose has made",
    "python3 scripts/test_system.py": "test_scripts.py runs it against a server",
    "make test": "is what runs the tests that play the others",
    "docker compose --env-file .env.agent03 -f docker-compose.agent03.yml up --build --detach": (
        "needs a Docker engine and minutes to build an image; test_compose.py reads the file with the real compose tool"
    ),
    ".venv/bin/python -m pytest tests/unit/test_ledger.py": "is a test inside a test, and is run by itself",
    "PAGE_PICTURES=pictures .venv/bin/python -m pytest tests/acceptance/test_page.py -k embedded": (
        "is a test inside a test, and is run by itself"
    ),
    "export REDIS_URL=redis://localhost:6303/0": "needs a Redis; tests/acceptance/test_workers.py starts what follows",
    "export ANTHROPIC_API_KEY=sk-ant-...": "the same",
    "agent03 worker --count 4": "the same, with a model that is played",
    "agent03 worker --count 2 --roles reviewer,tester": "the same",
    "pip install 'agent03-core-engine[ray]'": "installs from the network; make test-ray does it",
    "ray start --head --port=6379": "needs what the line before installs; test_ray.py starts such clusters",
    "ray start --address=HEAD:6379 --resources='{\"GPU_TOOL\": 2}'": "the same",
    "ray start --address=HEAD:6379 --num-cpus=0": "the same",
    "export EXECUTOR=ray RAY_ADDRESS=HEAD:6379": "the same",
    ".venv/bin/python -m tests.unit.test_api_metrics": "writes into the checkout; that test compares the page instead",
    ".venv/bin/python -m tests.unit.test_states": "writes into the checkout; test_states.py compares the page instead",
}
"""Commands of ``console`` blocks that a test cannot run, and why. All others are played by test_quickstart.py."""
_FENCE = re.compile(r"```(\w*)")
_SAVED = re.compile(r"as `([\w.]+)`:$")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its heading, and the file that the text before it wants it saved as, or ""."""

    language: str
    text: str
    heading: str
    saved_as: str


def blocks(document: Path) -> list[Block]:
    """Every fenced block, in order."""
    found: list[Block] = []
    heading = before = ""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if fence := _FENCE.fullmatch(line):
            inside: list[str] = []
            while (line := next(lines)) != "```":
                inside.append(line)
            saved = _SAVED.search(before)
            found.append(Block(fence[1], "\n".join(inside) + "\n", heading, saved[1] if saved else ""))
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        before = line or before
    return found


def prose(document: Path) -> str:
    """The document without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    """Where its links lead, those to other sites left out; what looks like a link inside code is none."""
    found: list[str] = _LINK.findall(_CODE.sub("code", prose(document)))
    return [target for target in found if not _ELSEWHERE.match(target)]


def code_spans(document: Path) -> list[str]:
    """What stands in backticks inside the text."""
    return _CODE.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """The names that a link can give to its headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"(?m)^#+ +(.+)$", prose(document)):
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        repeat = found[name] = found.get(name, -1) + 1
        if repeat:
            found.setdefault(f"{name}-{repeat}", 0)
    return set(found)


def broken_links(document: Path) -> list[str]:
    """Links that lead to no file, or to no heading of theirs."""
    return [target for target in links(document) if not _resolves(document, target)]


def _resolves(document: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = document.parent / path if path else document
    if path.startswith("/") or not file.exists():
        return False
    return not anchor or (file.suffix == ".md" and anchor in anchors(file))
