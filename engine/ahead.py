"""How many subtasks to claim before a slot is free for them, so that a slot that comes free has its next one at hand.

Without that a slot stands empty for a turn and a half: until the turn that is on its way is written, and then its own.
That is nothing beside a call of a minute, and a tenth of a subtask of fifty milliseconds. As many are claimed ahead as
will end in that time, and as many more as chance may add: ends come in bunches, and one spare too few empties a slot
for a turn, while one too many costs nothing. Where subtasks take seconds none is, and what waits in vain goes back
(``slots.py``), so that nothing stands claimed behind a long one. Pure. (dask.distributed has the same under the name
of worker saturation.)
"""

from __future__ import annotations

import math

TURNS_WAITED = 1.5
"""How long a slot that comes free waits for its next subtask."""
MEMORY_SECONDS = 1.0
"""What ended longer ago hardly counts."""
WORTH = 0.005
"""Part of the time of the slots that has to be at stake."""
DEVIATIONS = 3
"""Standard deviations of that number to allow for, as if ends came independently of each other."""


class Ahead:
    """Watches how fast attempts end and how long turns take.

    Args:
        slots: subtasks that may run at the same time; at most so many more are claimed.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._rate = 0.0
        self._seconds = 0.0
        self._at = 0.0

    def turned(self, now: float, seconds: float, ended: int) -> None:
        """A turn was written that settled so many; ``now`` and ``seconds`` by a clock that only goes forward."""
        kept = math.exp((self._at - now) / MEMORY_SECONDS)
        self._rate = self._rate * kept + ended / MEMORY_SECONDS
        self._seconds += (seconds - self._seconds) / 8
        self._at = now

    def stalled(self) -> None:
        """One at hand has waited for too long: nothing ends at the rate that was, so none is wanted until some do."""
        self._rate = 0.0

    def wanted(self, now: float) -> int:
        """How many to have at hand."""
        rate = self._rate * math.exp((self._at - now) / MEMORY_SECONDS)
        ending = rate * TURNS_WAITED * self._seconds
        if ending < WORTH * self._slots:
            return 0
        return min(self._slots, math.ceil(ending + DEVIATIONS * math.sqrt(ending)) + 1)
