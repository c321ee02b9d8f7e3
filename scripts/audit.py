#!/usr/bin/env python3
"""Looks up every locked dependency in the public list of known faults: `python3 scripts/audit.py requirements.lock`.

Ends with 1 and a line for each fault that is known. Where the list cannot be reached it says so in one sentence, that
nothing was checked, and ends with 0: a change is not worse for it. In CI (the variable CI) it ends with 3 then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TOOL = "pip-audit>=2.10,<3"
SECONDS = 300
CLEAN, FAULTY, UNREACHABLE = 0, 1, 3


def main(lock: str) -> int:
    """Asks for one lock file; the exit code."""
    options = ["--requirement", lock, "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    command = [str(Path(sys.executable).with_name("uvx")), "--quiet", "--from", TOOL, "pip-audit", *options]
    try:
        done = subprocess.run(
            [*command, "--format", "json"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        lines, code = unreachable(f"no answer within {SECONDS} s")
    except OSError as error:
        lines, code = unreachable(f"{command[0]} cannot be run: {error.strerror}")
    else:
        lines, code = judged(done.stdout, done.stderr)
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return CLEAN if code == UNREACHABLE and not os.environ.get("CI") else code


def judged(report: str, errors: str) -> tuple[list[str], int]:
    """What pip-audit says, in lines, and the exit code: its JSON ``report``, and its ``errors`` where there is none."""
    try:
        found: list[dict[str, Any]] = list(json.loads(report)["dependencies"])
    except (ValueError, KeyError, TypeError):
        last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "pip-audit said nothing")
        return unreachable(last[:200])
    missing = [one["name"] for one in found if "skip_reason" in one]
    if len(missing) == len(found):
        return unreachable(f"none of the {len(found)} dependencies was found there")
    faults = [
        f"{one['name']} {one['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for one in found
        for fault in one.get("vulns", ())
    ]
    known = f"audit: {len(found) - len(missing)} dependencies are in the list"
    rest = [f"audit: not in the list, and so not checked: {', '.join(missing)}"] if missing else []
    if faults:
        return [f"{known}, {len(faults)} faults are known", *faults, *rest], FAULTY
    return [f"{known}, no fault is known", *rest], CLEAN


def unreachable(why: str) -> tuple[list[str], int]:
    """The one sentence."""
    return [f"audit: the list of known faults cannot be reached ({why}), so nothing was checked"], UNREACHABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
