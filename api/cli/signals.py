"""How the processes of the command line are told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from api.cli.exits import INTERRUPTED


def stop_signal(told: Callable[[], None] = lambda: None) -> asyncio.Event:
    """Set by SIGTERM or SIGINT, as ``told`` is told; from then on another one ends the process where it stands."""
    called = asyncio.Event()

    def on_signal() -> None:
        if called.is_set():
            os._exit(INTERRUPTED)
        told()
        called.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return called
