"""YAML that means what the same text would mean in JSON.

PyYAML follows YAML 1.1, where ``on`` is true (and a field of ``retry``), 010 is eight, 1:30 is ninety and a date is
an object. The loader here takes the scalars of YAML 1.2 instead, which are those of JSON.
"""

from __future__ import annotations

import re
from typing import Any, cast

import yaml

from engine.model import Json


def load_yaml(text: str | bytes) -> Json:
    """The value of a YAML text; raises ``yaml.YAMLError``."""
    loader = PlanLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def load_own_yaml(data: bytes) -> Json:
    """The value of a file that comes with the engine, at a hundredth of the time where there is libyaml.

    Nothing for what others write: nested deeply enough, it ends the process. It follows YAML 1.1: quote ``on`` there.
    """
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return cast(Json, yaml.load(data, loader))  # noqa: S506 (both are safe ones)


_UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the library's constructors raise where a text does not fit the tag before it."""


class PlanLoader(yaml.SafeLoader):
    """A safe loader with the plain scalars of YAML 1.2."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The value of a node; raises ``yaml.YAMLError`` with its place."""
        try:
            return super().construct_object(node, deep)
        except _UNFIT:
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(None, None, f"this is no {kind}", node.start_mark) from None


def _integer(loader: PlanLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2].lower() in ("0x", "0o") else int(text)


def _float(loader: PlanLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).lower().replace(".inf", "inf").replace(".nan", "nan"))


_PLAIN = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
PlanLoader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _PLAIN.items():
    _starts = [character.replace("\0", "") for character in _first]
    PlanLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _starts)
PlanLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])
PlanLoader.add_constructor("tag:yaml.org,2002:int", _integer)
PlanLoader.add_constructor("tag:yaml.org,2002:float", _float)
