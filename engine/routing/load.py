"""What runs and what has run of each tool in one engine, as far as a choice needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from engine.estimates.learning import Learner
from engine.estimates.profile import Kind, Profile
from engine.model import Json
from engine.routing.decide import Seen
from engine.routing.recent import Recent
from engine.routing.request import ExecutionRequest
from engine.routing.rules import Option
from engine.toolport import Tool
from engine.turn import Settle

LATELY = 32
"""What is known of an option is looked up again after so many choices, or at once while little is known."""
ENOUGH_KNOWN = 20
COMPLETED, FAILED = "completed", "failed"
"""The outcomes that say something of a tool; what was stopped, reused or cached does not."""


class Load:
    """The attempts that were routed.

    Args:
        learner: what is known of types from before.
        running: attempts of each type that run, routed or not.
        limit: how many of a type may run; None for no limit.
    """

    def __init__(
        self, learner: Learner, running: Callable[[], Mapping[str, int]], limit: Callable[[str], int | None]
    ) -> None:
        self._learner = learner
        self._by_type = running
        self._limit = limit
        self._running: dict[str, tuple[ExecutionRequest, Option]] = {}
        self._by_tool: Counter[str] = Counter()
        self._recent: dict[str, Recent] = {}
        self._known: dict[str, tuple[Seen, int]] = {}

    def begun(self, subtask_id: str, request: ExecutionRequest, option: Option) -> None:
        """An attempt goes to the tool of its request, which is that of an option."""
        self._running[subtask_id] = request, option
        self._by_tool[request.tool] += 1

    def ended(self, subtask_id: str, settle: Settle, seconds: float) -> None:
        """The attempt of a subtask has ended, routed or not."""
        found = self._running.pop(subtask_id, None)
        if found is None:
            return
        request, option = found
        self._by_tool[request.tool] -= 1
        if settle.outcome in (COMPLETED, FAILED):
            recent = self._recent.setdefault(option.label, Recent())
            recent.add(seconds if settle.outcome == COMPLETED else None)

    def of(self, subtask_id: str) -> ExecutionRequest | None:
        """The request of the attempt that runs of a subtask; None when its own type runs it."""
        found = self._running.get(subtask_id)
        return None if found is None else found[0]

    def seen(self, option: Option, tool: Tool, value: Json, ruled: bool, exactly: bool = False) -> Seen:
        """What is known of an option for an input; ``ruled`` says that attempts of its own type are routed too.

        How many run is left out where no choice depends on it, unless it is asked ``exactly``: then the same value
        comes again and again, and what follows from it need not be found out anew.
        """
        known, seconds, limit = self._lately(option, tool), tool.estimate_duration(value), self._limit(tool.name)
        if not (exactly or seconds or limit is not None) and known.attempts >= ENOUGH_KNOWN:
            return known
        others = 0 if ruled else self._by_type().get(tool.name, 0)
        running = self._by_tool[tool.name] + others
        return Seen(known.attempts, seconds or known.seconds, known.success, known.cost, running, limit)

    def _lately(self, option: Option, tool: Tool) -> Seen:
        """How an option has done, as of a few choices ago: the same value until it is looked up again."""
        found = self._known.get(option.label)
        if found is not None and found[1] < LATELY and found[0].attempts >= ENOUGH_KNOWN:
            self._known[option.label] = found[0], found[1] + 1
            return found[0]
        profile = self._learner.profile(Kind(tool.name, tool.version))
        recent = self._recent.get(option.label) or Recent()
        if option.requires:  # what the tool has done elsewhere says nothing of how an agent is with it
            profile = None
        attempts, failures = (profile.attempts, profile.failures) if profile else (0, 0)
        known = Seen(
            attempts=max(attempts, recent.count),
            seconds=recent.expected(_mean(profile)),
            success=recent.success(attempts, failures),
            cost=profile.cost / attempts if profile and attempts else 0.0,
        )
        self._known[option.label] = known, 1
        return known


def _mean(profile: Profile | None) -> float | None:
    """Seconds that a kind has taken, long ones included."""
    return profile.logs.typical if profile is not None and profile.count else None
