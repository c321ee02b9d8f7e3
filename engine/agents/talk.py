"""The talk of an agent as the graph has it, and what comes next in it. Pure: a crash finds the same here again.

A turn is complete when the model has answered and every tool call in the answer has its result. Each answer and each
result is a step; whoever takes the subtask up again reads the steps and goes on where they end.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from engine.agents.result import ToolCall
from engine.agentstore import Step
from engine.language import Message, Usage
from engine.model import Json, Value

STOPPED = {"max_tokens": "cut off", "model_context_window_exceeded": "cut off", "refusal": "refused"}
"""Answers that end early: they are paid for, and not part of the talk."""
INTERRUPTED = (
    "This call was cut off by a restart: it is not known whether it has done its work. "
    "Look before you call it again, or say so in your answer."
)


class Said(Value, frozen=True):
    """An answer of the model, as a step has it."""

    turn: int
    stop: str
    blocks: list[dict[str, Json]]
    usage: Usage
    model: str = ""
    seconds: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether it is part of the talk."""
        return self.stop not in STOPPED

    @property
    def text(self) -> str:
        """What it says in words."""
        return "".join(str(block.get("text", "")) for block in self.blocks if block.get("type") == "text")


class Called(Value, frozen=True):
    """What came of a tool call, as a step has it; ``begun`` says that it has no end yet."""

    begun: bool = False
    text: str = ""
    case: str = ""
    seconds: float = 0.0
    artifact: Json = None


class TalkSoFar(Value, frozen=True):
    """A talk: its first message, the answers, and what came of the tool calls by turn and id."""

    opening: str
    answers: list[Said] = msgspec.field(default_factory=list)
    called: dict[str, Called] = msgspec.field(default_factory=dict)
    mends: dict[int, str] = msgspec.field(default_factory=dict)
    """What the model was told of an answer that did not fit, by turn."""

    @property
    def turns(self) -> int:
        """Answers so far."""
        return len(self.answers)

    @property
    def usage(self) -> Usage:
        """What all answers have cost."""
        total = Usage(cost=0.0)
        for answer in self.answers:
            total = total.plus(answer.usage)
        return total

    @property
    def last_usage(self) -> Usage:
        """What the last answer has cost."""
        return self.answers[-1].usage if self.answers else Usage(cost=0.0)

    @property
    def seconds(self) -> float:
        """What answers and tool calls have taken; calls side by side count once, the longest of them."""
        longest: dict[int, float] = {}
        for call in self.calls:
            longest[call.turn] = max(call.seconds, longest.get(call.turn, 0.0))
        return sum(answer.seconds for answer in self.answers) + sum(longest.values())

    @property
    def calls(self) -> list[ToolCall]:
        """Every tool call that the talk holds, with what came of it so far."""
        return [call for answer in self.answers if answer.kept for call in self._calls_of(answer)]

    @property
    def last(self) -> Said | None:
        """The last answer that is part of the talk."""
        return next((answer for answer in reversed(self.answers) if answer.kept), None)

    def open_calls(self) -> list[ToolCall]:
        """The calls of the last answer that have no result."""
        last = self.last
        return [] if last is None else [call for call in self._calls_of(last) if self._open(call)]

    def begun(self, call: ToolCall) -> bool:
        """Whether a call without a result was begun by an attempt that is gone."""
        found = self.called.get(place(call.turn, call.id))
        return found is not None and found.begun

    def messages(self) -> list[Message]:
        """The talk as it is sent; every call in it has its result by then."""
        found: list[Message] = [{"role": "user", "content": self.opening}]
        for answer in self.answers:
            if not answer.kept:
                continue
            found.append({"role": "assistant", "content": list(answer.blocks) or "(nothing)"})
            calls = self._calls_of(answer)
            if calls:
                found.append({"role": "user", "content": [_result(call) for call in calls]})
            elif answer.turn in self.mends:
                found.append({"role": "user", "content": self.mends[answer.turn]})
        return found

    def _calls_of(self, answer: Said) -> list[ToolCall]:
        uses = [block for block in answer.blocks if block.get("type") == "tool_use"]
        return [self._call(answer.turn, block) for block in uses]

    def _call(self, turn: int, block: dict[str, Json]) -> ToolCall:
        id_, name = str(block.get("id")), str(block.get("name"))
        found = self.called.get(place(turn, id_), Called())
        return ToolCall(id_, turn, name, block.get("input"), found.text, found.case, found.seconds)

    def _open(self, call: ToolCall) -> bool:
        found = self.called.get(place(call.turn, call.id))
        return found is None or found.begun


def place(turn: int, id_: str) -> str:
    """Where a call is found: models give ids that are unique in a talk, and nothing breaks when they are not."""
    return f"{turn}/{id_}"


def talk_of(opening: str, steps: Sequence[Step]) -> TalkSoFar:
    """The talk that the graph has."""
    answers = [msgspec.json.decode(step.body, type=Said) for step in steps if not step.call]
    called = {place(step.turn, step.call): msgspec.json.decode(step.body, type=Called) for step in steps if step.call}
    return TalkSoFar(opening, sorted(answers, key=lambda answer: answer.turn), called)


def talk_name(text: str) -> str:
    """What tells the talks of one subtask apart: another input, as a fallback or an approval gives, is another one."""
    return sha256(text.encode()).hexdigest()[:16]


def _result(call: ToolCall) -> Json:
    found: dict[str, Json] = {"type": "tool_result", "tool_use_id": call.id, "content": call.text or "(nothing)"}
    return found | ({"is_error": True} if call.case else {})
