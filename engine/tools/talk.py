"""A short talk with a language model: one question, and one round of repair when the answer does not fit.

What it has cost is kept from the first answer on, so that an error later in the talk does not lose it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from engine.language import Answer, LanguageModel, Message, Prompt, Usage
from engine.model import Json
from engine.tools.json_schema import faults
from engine.tools.json_value import NotJson, plain

T = TypeVar("T")

_FENCED = re.compile(r"\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_SHOWN_FAULTS = 20
_STOPS = {"max_tokens": "truncated", "model_context_window_exceeded": "truncated", "refusal": "refused"}


class Unfit(Exception):
    """An answer that cannot be used. ``case`` is a word for the record: "truncated", "refused", "not JSON" and what
    readers add; ``text`` is the answer.
    """

    def __init__(self, case: str, faults: list[str]) -> None:
        super().__init__(f"{case}: {'; '.join(faults)}")
        self.case, self.faults, self.text = case, faults, ""


def follows(schema: dict[str, Json]) -> Callable[[str], Json]:
    """A reader of answers that are values by a JSON Schema, which has been checked; it raises ``Unfit``."""

    def read(text: str) -> Json:
        value = read_json(text)
        if found := faults(schema, value):
            raise Unfit("unfit", [f"/{'/'.join(map(str, path))}: {message}" for path, message in found])
        return value

    return read


class Talk:
    """One talk. What it cost is there whatever came of it."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.usage = Usage(cost=0.0)
        self.model = ""
        self.request_ids: list[str] = []
        self.repaired = False

    async def fitting(self, prompt: Prompt, read: Callable[[str], T]) -> T:
        """What ``read`` makes of the answer, or of the second one that is asked for when the first does not fit.

        Args:
            prompt: the question.
            read: raises ``Unfit`` with the faults, which the model is shown once.

        Raises:
            Unfit: the answer stopped early, or the second one does not fit either.
            NoAnswer: from the model.
        """
        first = await self._ask(prompt)
        try:
            return _read(first, read)
        except Unfit as unfit:
            if unfit.case in _STOPS.values():
                raise
            prompt = msgspec.structs.replace(prompt, messages=_mended(prompt.messages, first.text, unfit))
        self.repaired = True
        return _read(await self._ask(prompt), read)

    def record(self) -> dict[str, Json]:
        """What it was and what it cost, for the record."""
        return {"model": self.model, "usage": msgspec.to_builtins(self.usage)}

    async def _ask(self, prompt: Prompt) -> Answer:
        answer = await self._model.ask(prompt)
        self.usage = self.usage.plus(answer.usage)
        self.model = answer.model
        self.request_ids += [answer.request_id] if answer.request_id else []
        return answer


def read_json(text: str) -> Json:
    """The JSON value that a text is, with or without a code fence around it; raises ``Unfit``."""
    fenced = _FENCED.fullmatch(text)
    try:
        return plain(msgspec.json.decode(fenced.group(1) if fenced else text))
    except (msgspec.DecodeError, NotJson, RecursionError, UnicodeEncodeError) as error:
        raise Unfit("not JSON", [f"the answer should be one JSON value and nothing else: {error}"]) from None


def _read(answer: Answer, read: Callable[[str], T]) -> T:
    try:
        if case := _STOPS.get(answer.stop):
            raise Unfit(case, [f"the answer ended with {answer.stop}"])
        return read(answer.text)
    except Unfit as unfit:
        unfit.text = answer.text
        raise


def _mended(messages: list[Message], text: str, unfit: Unfit) -> list[Message]:
    """The talk so far, and what is to be mended."""
    return [*messages, {"role": "assistant", "content": text or "(nothing)"}, {"role": "user", "content": mend(unfit)}]


def mend(unfit: Unfit) -> str:
    """What a model is asked to do about an answer that does not fit."""
    listed = "\n".join(f"- {fault}" for fault in unfit.faults[:_SHOWN_FAULTS])
    more = len(unfit.faults) - _SHOWN_FAULTS
    listed += f"\n- and {more} more" if more > 0 else ""
    return f"That answer cannot be used:\n{listed}\nMend these faults and give the whole answer again."
