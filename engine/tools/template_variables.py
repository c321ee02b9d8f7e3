"""Which variables a Jinja template needs from its data. It is read and never run."""

from __future__ import annotations

from engine.model import Value


class TemplateFault(ValueError):
    """The template cannot be read; the message names the line."""


class Variables(Value, frozen=True):
    """The variables of a template, sorted. Those in ``optional`` have a default, or the template asks whether they are
    there.
    """

    names: list[str]
    optional: list[str]


def variables_of(template: str) -> Variables:
    """The variables that a template takes from its data.

    Raises:
        TemplateFault: it cannot be read.
    """
    from jinja2 import TemplateSyntaxError, meta, nodes  # whoever has no template need not load it
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment()
    try:
        tree = environment.parse(template)
        undeclared = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise TemplateFault(f"cannot be read in line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise TemplateFault("is nested too deeply") from None
    names = undeclared - environment.globals.keys()
    guarded = [found.node for found in tree.find_all(nodes.Filter) if found.name in ("default", "d")]
    guarded += [found.node for found in tree.find_all(nodes.Test) if found.name in ("defined", "undefined")]
    optional = {node.name for node in guarded if isinstance(node, nodes.Name)}
    return Variables(sorted(names), sorted(names & optional))
