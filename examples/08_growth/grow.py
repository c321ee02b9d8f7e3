"""A tool that looks at what there is and plans the rest: one check for each part of a word that is long enough."""

from engine import Expand, tool


@tool("plan_checks", idempotent=True)
async def plan_checks(words: list[str], at_least: int) -> Expand:
    """Adds one subtask for each long word, and one that puts their answers together."""
    long_words = [word for word in words if len(word) >= at_least]
    checks = [
        {"key": word, "type": "calculate", "input": {"expression": "n ** 2", "variables": {"n": len(word)}}}
        for word in long_words
    ]
    answers = {word: f"{{{{subtasks.{word}.output.value}}}}" for word in long_words}
    return Expand([*checks, {"key": "all", "type": "noop", "input": answers}])
