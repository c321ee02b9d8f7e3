"""From a typed task to subtasks and the graph of what needs what; the only place that knows networkx.

It is imported when a task is decomposed, for that takes as long as a third of all else that an engine imports.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.planning.complexity import complexity
from engine.planning.literals import literal_fields, literal_input
from engine.planning.registry import StrategyRegistry
from engine.planning.strategies.base import Draft, Strategy, Wish
from engine.planning.strategies.multi_step import MultiStep
from engine.planning.subtasks import Planned, SubTask

if TYPE_CHECKING:
    import networkx as nx

AS_IT_IS = "single.v1"
"""The name stored with a plan that no strategy made: one subtask of the task's own type."""


_NO_STRATEGY = ("write_file",)
"""Built-in types of one step that a strategy's word is part of."""


class TaskDecomposer:
    """Breaks typed tasks down by strategy.

    Args:
        registry: the strategies; the built-in ones unless given.
        tools: types that stand for themselves, whatever words they have: the user's own tools, and the built-in
            ``write_file``.
        literal: the fields of a type's input that are never resolved; known of the built-in types unless given.
    """

    def __init__(
        self,
        registry: StrategyRegistry | None = None,
        tools: Container[str] = (),
        literal: Callable[[str], Container[str]] = literal_fields,
    ) -> None:
        self.registry = StrategyRegistry() if registry is None else registry
        self._tools = tools
        self._literal = literal

    def decompose(
        self, type: str, input: Json = None, parameters: Mapping[str, Json] | None = None
    ) -> tuple[list[SubTask], nx.DiGraph[str]]:
        """The subtasks of a task, and their graph: keys as nodes, edges from a dependency to what needs it.

        A task that is one subtask has an empty graph, without nodes. Types of steps are not checked here.

        Raises:
            InvalidInput: when parameters or input contradict themselves.
        """
        planned = self.plan(type, input, parameters)
        return planned.subtasks, graph_of(planned)

    def plan(
        self,
        type: str,
        input: Json = None,
        parameters: Mapping[str, Json] | None = None,
        rows_per_second: float | None = None,
    ) -> Planned:
        """The same with the strategy's name, the level and the reasons.

        ``rows_per_second`` is the learned speed of processing, by which the size of parts is chosen.
        """
        given = dict(parameters or {})
        assessed = complexity(type, input, given)
        strategy = self._strategy(type, given)
        if strategy is None:
            single = self._single(type, input, given)
            return Planned([single], AS_IT_IS, assessed.level, assessed.reasons)
        draft = strategy.plan(Wish(type, input, given, assessed.level, rows_per_second))
        _refuse_knots(strategy, draft)
        return Planned(draft.subtasks, strategy.name, assessed.level, [*assessed.reasons, *draft.reasons])

    def get_parallel_tasks(self, graph: nx.DiGraph[str]) -> list[list[str]]:
        """The generations of a graph: what can run side by side, in the order of the plan."""
        import networkx as nx

        place = {key: index for index, key in enumerate(graph.nodes)}
        return [sorted(layer, key=place.__getitem__) for layer in nx.topological_generations(graph)]

    def _strategy(self, type: str, parameters: dict[str, Json]) -> Strategy | None:
        if type in self._tools or type in _NO_STRATEGY:
            return None
        chosen = self.registry.choose(type)
        steps = chosen is not None and isinstance(parameters.get("steps"), list)
        return self.registry.get(MultiStep.name) or chosen if steps else chosen

    def _single(self, type: str, input: Json, parameters: dict[str, Json]) -> SubTask:
        """One subtask of exactly that type, which may be a tool of the user's."""
        fields = {} if input is None else input
        if parameters:
            fields = {**(fields if isinstance(fields, dict) else {"data": fields}), **parameters}
        return SubTask("task", type, literal_input(type, fields, self._literal(type)))


def graph_of(planned: Planned) -> nx.DiGraph[str]:
    """The graph of a plan; empty for a single subtask that stands for the whole task."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    subtasks: Sequence[SubTask] = planned.subtasks
    if len(subtasks) == 1 and not planned.strategy.startswith("multi_step"):
        return graph
    graph.add_nodes_from(subtask.key for subtask in subtasks)
    graph.add_edges_from((needed, subtask.key) for subtask in subtasks for needed in subtask.dependencies)
    return graph


def _refuse_knots(strategy: Strategy, draft: Draft) -> None:
    """A strategy's plan, or the caller's steps, must name what it needs, and nothing may wait for itself."""
    import networkx as nx

    known = {subtask.key for subtask in draft.subtasks}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(known)
    for subtask in draft.subtasks:
        for needed in subtask.dependencies:
            if needed not in known:
                raise InvalidInput([Fault("/parameters/steps", f'"{subtask.key}" needs "{needed}", which is no step')])
            graph.add_edge(needed, subtask.key)
    if not nx.is_directed_acyclic_graph(graph):
        knot = " -> ".join(start for start, _ in nx.find_cycle(graph))
        raise InvalidInput([Fault("/parameters/steps", f"{strategy.name}: these wait for one another: {knot}")])
