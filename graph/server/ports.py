"""Free TCP ports on loopback.

They are taken below the range that the system gives to outgoing connections: a client that keeps trying the port of a
stopped server could otherwise be given that very port, connect to itself, and keep the server from coming back.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

from graph.server.errors import StartFailed

LOWEST, HIGHEST = 20_000, 29_999
TRIES = 200


def is_free(port: int) -> bool:
    """True when a server could listen on that port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Java's server sockets do: connections of an earlier server that linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def free_port(besides: Collection[int] = ()) -> int:
    """A free port that is none of ``besides``.

    Raises:
        StartFailed: none was found.
    """
    candidates = (random.randint(LOWEST, HIGHEST) for _ in range(TRIES))
    for port in candidates:
        if port not in besides and is_free(port):
            return port
    raise StartFailed(f"no free TCP port between {LOWEST} and {HIGHEST}; name one with --bolt-port and --http-port.")


def choose(given: int | None, last: int | None, besides: Collection[int] = ()) -> int:
    """The given port, else that of the last start, else a free one.

    Raises:
        StartFailed: the given port is taken.
    """
    if given is not None:
        if given in besides or not is_free(given):
            raise StartFailed(f"port {given} of 127.0.0.1 is taken; name another one or stop what listens there.")
        return given
    if last is not None and last not in besides and is_free(last):
        return last
    return free_port(besides)
