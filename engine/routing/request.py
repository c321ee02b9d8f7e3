"""What an attempt was asked to do, once that was chosen: immutable, and stored with the attempt."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.model import Json, Value
from engine.routing.rules import Option


class ExecutionRequest(Value, frozen=True, omit_defaults=True):
    """The outcome of routing one attempt.

    ``type`` is that of the subtask (or of its own fallback), ``tool`` and ``version`` are what runs it, with
    ``parameters`` over its input and ``environment``, what else the output depends on. ``limits`` are those of the
    attempt: ``attempt_seconds`` and ``idle_seconds``. ``token`` is the attempt's. ``rule`` and ``strategy`` have chosen
    it, ``reason`` says why in words. An agent that has all that it ``requires`` runs
    it. ``fallback`` is what is left to take over when its attempts are used up.
    """

    tool: str
    version: str
    type: str
    token: int
    rule: str
    strategy: str
    reason: str
    parameters: Mapping[str, Json] = {}
    environment: Mapping[str, str] = {}
    limits: Mapping[str, float] = {}
    fallback: tuple[Option, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def option(self) -> Option:
        """What was chosen."""
        return Option(self.tool, self.parameters, self.requires)

    def encode(self) -> str:
        """The request as JSON text."""
        return _ENCODER.encode(self).decode()

    def shown(self) -> dict[str, Json]:
        """The request for people and programs: every field, by name."""
        fallback = [
            {"tool": option.tool, "parameters": dict(option.parameters), "requires": list(option.requires)}
            for option in self.fallback
        ]
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return fields | {"fallback": fallback, "requires": list(self.requires)}

    @staticmethod
    def decode(text: str) -> ExecutionRequest:
        """The request in a text. Raises ``msgspec.ValidationError`` when it is none."""
        return _DECODER.decode(text)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(ExecutionRequest)
