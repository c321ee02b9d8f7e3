"""What ``--only`` takes: every scenario by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.bench.debian import debian
from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.linked import linked
from tests.bench.moments import moments
from tests.bench.peers.compare import ours
from tests.bench.rates import rates
from tests.bench.recalled import recalled
from tests.bench.remembering import remembering
from tests.bench.routing import routing
from tests.bench.shapes import shapes
from tests.bench.stage import Stage
from tests.bench.stored import stored

SCENARIOS: dict[str, Callable[[Stage, Effort], Awaitable[list[Figure]]]] = {
    "rates": rates,
    "shapes": shapes,
    "stored": stored,
    "debian": debian,
    "moments": moments,
    "linked": linked,
    "recall": recalled,
    "remembering": remembering,
    "routing": routing,
    "peers": ours,
}
