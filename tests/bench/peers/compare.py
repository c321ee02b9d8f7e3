"""The same small work on other engines, beside ours: a chain, and independent steps at ten and fifty in flight."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.peers.places import PEERS, python, trouble
from tests.bench.stage import Stage
from tests.bench.table import number
from tests.support.plans import chain, independent

SECONDS = 1_800
SIZES = (200, 1_000)
AIMS = {"dbos": ">= 10"}
UNITS = {"chain": "steps/s", "independent 10": "steps/s", "independent 50": "steps/s"}


async def ours(stage: Stage, effort: Effort) -> list[Figure]:
    """What the peers are compared with."""
    length, wide = effort.size(SIZES, (5, 20))
    rates: dict[str, list[float]] = {name: [] for name in UNITS}
    for _ in range(effort.rounds):
        rates["chain"].append((await stage.run(chain(length), 10)).rate)
        for width in (10, 50):
            rates[f"independent {width}"].append((await stage.run(independent(wide), width)).rate)
    return [
        Figure("peers", stage.kind, _title(name, length, wide), UNITS[name], values) for name, values in rates.items()
    ]


def theirs(mine: list[Figure], effort: Effort) -> list[Figure]:
    """Each peer's figures, and how many times as fast ours are, by medians; or why there are none."""
    return [figure for peer in PEERS for figure in _peer(peer, mine, effort)]


def _title(name: str, length: int, wide: int) -> str:
    kind, _, width = name.partition(" ")
    return f"chain of {length:,} noops" if kind == "chain" else f"{wide:,} independent noops, {width} in flight"


def _peer(peer: str, mine: list[Figure], effort: Effort) -> list[Figure]:
    if not python(peer).exists() or trouble(peer).exists():
        why = trouble(peer).read_text("utf-8") if trouble(peer).exists() else "not installed: make bench-peers"
        return [Figure("peers", peer, "not measured", "", note=why)]
    length, wide = effort.size(SIZES, (5, 20))
    asked = json.dumps({"rounds": effort.rounds, "chain": length, "independent": wide})
    script = Path(__file__).with_name(f"run_{peer}.py")
    try:
        done = subprocess.run(
            [str(python(peer)), str(script), asked], capture_output=True, text=True, check=True, timeout=SECONDS
        )
        seconds: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return [Figure("peers", peer, "not measured", "", note=f"not done within {SECONDS} s")]
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        told = getattr(error, "stderr", "") or str(error)
        return [Figure("peers", peer, "not measured", "", note=f"did not run: {told.splitlines()[-1][:160]}")]
    found = []
    for name, took in seconds.items():
        title = _title(name, length, wide)
        size = length if name == "chain" else wide
        figure = Figure("peers", peer, title, UNITS[name], [size / value for value in took])
        found.append(figure)
        for other in mine:
            if other.what == title:
                times = [other.median / figure.median]
                what, aim = f"{title}: ours / {peer}", AIMS.get(peer, "")
                rate = f"(theirs: {number(figure.median)} {figure.unit})"
                found.append(Figure("peers", other.graph, what, "x", times, aim, rate))
    return found
