"""What strangers send, thrown at everything that reads it: an answer or a refusal, in time. ``make fuzz`` goes on for
an hour, and keeps what reached new code.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import tried
from tests.support.fuzzing import TARGETS

EXAMPLES = 40
SLOW = {"message": 8}
"""Those for which an application is made."""


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_answered_or_refused_in_time(name: str) -> None:
    @settings(
        max_examples=SLOW.get(name, EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(TARGETS[name].strategy)
    def run(example: object) -> None:
        tried(name, example)

    run()
