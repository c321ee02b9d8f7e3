"""YAML, without its surprises: dates stay text, and anchors are refused, since a few of them can grow to gigabytes."""

from __future__ import annotations

from typing import Any

from engine.model import Json
from engine.tools.json_value import NotJson, plain
from engine.tools.rows.formats.fault import FormatFault


def read(text: str) -> Json:
    """The value of the one document."""
    import yaml

    try:
        for event in yaml.parse(text, Loader=_loader()):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise FormatFault(f"line {line}: anchors are not followed; write the value out")
        return plain(yaml.load(text, Loader=_loader()))  # noqa: S506 (a safe loader, with less)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FormatFault(f"line {mark.line + 1 if mark else 1}: {error.problem or error.context}") from None
    except (yaml.YAMLError, NotJson) as error:
        raise FormatFault(str(error).splitlines()[0]) from None
    except (ValueError, TypeError) as error:  # such as a mapping that is a key
        raise FormatFault(str(error)) from None


def write(value: Json) -> str:
    """In block style, keys in their order."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=_without_aliases(dumper), sort_keys=False, allow_unicode=True, width=120))


def _without_aliases(dumper: type[Any]) -> type[Any]:
    return type("_Dumper", (dumper,), {"ignore_aliases": lambda _self, _data: True})


def _loader() -> type[Any]:
    """The safe loader without the rule that turns text into dates."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rules = {
        sign: [(tag, rule) for tag, rule in found if tag != "tag:yaml.org,2002:timestamp"]
        for sign, found in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": rules})
