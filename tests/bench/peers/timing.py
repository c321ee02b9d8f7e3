"""What every ``run_NAME.py`` shares: it is asked for sizes as JSON, and answers with seconds as JSON.

It runs in the peer's own environment, so it knows nothing of this project and uses the standard library only.
"""

import json
import sys
import time
from collections.abc import Callable


def measure(chain: Callable[[int], None], independent: Callable[[int, int], None]) -> None:
    """Times the work asked for and prints the seconds of each round.

    Args:
        chain: runs so many steps, each waiting for the one before.
        independent: runs so many steps, so many of them at once.
    """
    asked = json.loads(sys.argv[1])
    chain(5)
    independent(20, 10)
    seconds: dict[str, list[float]] = {}
    for _ in range(asked["rounds"]):
        seconds.setdefault("chain", []).append(_timed(chain, asked["chain"]))
        for width in (10, 50):
            seconds.setdefault(f"independent {width}", []).append(_timed(independent, asked["independent"], width))
    print(json.dumps(seconds), flush=True)


def _timed(work: Callable[..., None], *sizes: int) -> float:
    begun = time.perf_counter()
    work(*sizes)
    return time.perf_counter() - begun
