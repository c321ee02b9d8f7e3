"""Two subtask types of one's own. AGENT03_TOOLS=text_tools makes them known to an engine.

Type hints and docstring become the input's schema, so a plan with a wrong input is refused before anything runs.
"""

from __future__ import annotations

from collections import Counter

from engine import Fatal, RunContext, tool


@tool("count_words", deterministic=True, idempotent=True)
def count_words(text: str, top: int = 3) -> dict[str, object]:
    """Counts the words of a text.

    Args:
        text: where to count.
        top: how many of the most frequent words to name.
    """
    words = text.lower().split()
    if not words:
        raise Fatal("the text has no words", suggestion="Give count_words a text.")
    return {"words": len(words), "most_frequent": [word for word, _ in Counter(words).most_common(top)]}


@tool("headline", idempotent=True)
async def headline(text: str, context: RunContext) -> str:
    """Makes a headline of a text; a coroutine runs in the engine's event loop, any other function in a thread."""
    context.log("info", "writing a headline", characters=len(text))
    return text.title()
