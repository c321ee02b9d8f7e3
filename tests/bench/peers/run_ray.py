"""Ray: remote tasks on worker processes, nothing of them durable. What runs at once is bounded by ``ray.wait``."""

import os

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "DO_NOT_TRACK": "1"}

import ray
from timing import measure


@ray.remote
def step(*_before: int) -> int:
    """Does nothing."""
    return 1


def in_a_row(length: int) -> None:
    """One after the other."""
    last = step.remote()
    for _ in range(length - 1):
        last = step.remote(last)
    ray.get(last)


def at_once(number: int, width: int) -> None:
    """At most so many handed out at a time."""
    out = [step.remote() for _ in range(width)]
    for _ in range(number - width):
        _, out = ray.wait(out, num_returns=1)
        out.append(step.remote())
    ray.get(out)


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    measure(in_a_row, at_once)
    ray.shutdown()
