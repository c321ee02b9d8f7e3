"""Routes one attempt: finds the rule, asks what is known of its candidates, has ``decide`` choose, keeps the choice.

What an attempt was given stays with it in the graph. So a repeat goes to the same tool, and what takes over when its
attempts are used up is read from there: a restart or another file of rules in between changes neither.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from operator import is_

import msgspec

from engine.errors import Category, Fault, InvalidInput, ToolError
from engine.model import Attempt, Json, Value
from engine.plan.faults import quoted
from engine.plan.spec import Spec
from engine.ports import GraphReader
from engine.remoteport import Places
from engine.routing.decide import Judged, Picked, Seen, first_of, judge, ordered, pick, weigh
from engine.routing.file import RulesFile
from engine.routing.load import FAILED, Load
from engine.routing.match import About, matching, mismatch
from engine.routing.request import ExecutionRequest
from engine.routing.rules import Option, Rule, Rules
from engine.toolport import Tool
from engine.turn import Claim, Settle


class TaskFacts(Value, frozen=True):
    """What rules see of a task."""

    name: str = ""
    tags: tuple[str, ...] = ()


class Router:
    """Routes the attempts of one engine.

    Args:
        file: the rules; None where every subtask runs by its type.
        tools: the tool of a type.
        load: what runs, and how it has gone.
        graph: has the requests of earlier attempts.
        facts: what rules see of a task, by its id.
        attempt_seconds: the limit of an attempt of which neither subtask nor tool says one.
        repeat_seconds: the wait before the first repeat.
    """

    def __init__(
        self,
        file: RulesFile | None,
        tools: Callable[[str], Tool | None],
        load: Load,
        graph: GraphReader,
        facts: Callable[[str], TaskFacts],
        attempt_seconds: float,
        repeat_seconds: float,
    ) -> None:
        self.file = file
        self._tools = tools
        self._load = load
        self._graph = graph
        self._facts = facts
        self._attempt_seconds = attempt_seconds
        self._repeat_seconds = repeat_seconds
        self._turns: Counter[str] = Counter()
        self._judgements: dict[str, tuple[Rule, Judged]] = {}
        self.available: Callable[[str, str], bool] = lambda _tool, _endpoint: True
        """Whether a tool may be called at an endpoint now, as a breaker would say."""
        self.healthy: Callable[[str], bool] = lambda _tool: True
        """Whether the last health check of a tool was good."""
        self.places: Callable[[Sequence[str]], Places] = lambda _: Places()
        """What the agents have that fit."""

    def open(self) -> None:
        """Reads the rules; raises ``SettingsError`` with every fault."""
        if self.file is not None:
            self.file.open()

    def rules(self) -> Rules:
        """The rules as they are now."""
        return _NONE if self.file is None else self.file.rules()

    # --- one attempt ----------------------------------------------------------------------------------------------

    async def route(
        self, claim: Claim, type_: str, spec: Spec, value: Json, task_input: Json
    ) -> ExecutionRequest | None:
        """What an attempt is to do; None when its type runs it.

        Raises:
            ToolError: (configuration) no candidate of its rule can run it.
        """
        if self.file is None:
            return None
        rules = self.file.rules()
        if not (of_type := rules.of(type_)):
            return None
        rule = of_type[0] if of_type[0].always else self._matching(of_type, claim, type_, spec, value, task_input)
        if rule is None:
            return None
        last = await self._last(claim, type_) if claim.token > 1 else None
        again = self._again(claim, last, type_, value, spec.capabilities)
        picked = again or self._chosen(rules, rule, claim.id, claim.token, type_, value, spec.capabilities)
        request = self._request(picked, rule, type_, claim.token, spec, value)
        self._load.begun(claim.id, request, picked.option)
        return request

    def _matching(
        self, rules: Sequence[Rule], claim: Claim, type_: str, spec: Spec, value: Json, task_input: Json
    ) -> Rule | None:
        task = self._facts(claim.task_id)
        place = (claim.task_id, task.name, task.tags, task_input)
        return matching(rules, About(type_, claim.key, value, tuple(spec.capabilities), *place))

    def of(self, subtask_id: str) -> ExecutionRequest | None:
        """The request of the attempt that runs of a subtask; None when its type runs it."""
        return self._load.of(subtask_id)

    def ended(self, subtask_id: str, settle: Settle, seconds: float) -> None:
        """The attempt of a subtask has ended, routed or not."""
        self._load.ended(subtask_id, settle, seconds)

    def possible(self, type_: str) -> list[Option]:
        """Everything that may run subtasks of a type, by the rules as they are now."""
        found = [option for rule in self.rules().of(type_) for option in rule.options]
        return list({option.label: option for option in [Option(type_), *found]}.values())

    async def _last(self, claim: Claim, type_: str) -> tuple[ExecutionRequest, str] | None:
        """The newest request of a subtask for a type, and what became of it."""
        found = await self._graph.subtask(claim.task_id, claim.key)
        attempts: Sequence[Attempt] = found[1] if found else ()
        for attempt in reversed(attempts):
            if attempt.request:
                request = ExecutionRequest.decode(attempt.request)
                if request.type == type_:
                    return request, attempt.outcome
        return None

    def _again(
        self,
        claim: Claim,
        last: tuple[ExecutionRequest, str] | None,
        type_: str,
        value: Json,
        required: Sequence[str],
    ) -> Picked | None:
        """The same tool while its attempts are not used up; after that what takes over for it."""
        if last is None:
            return None
        request, outcome = last
        over = outcome == FAILED and not claim.spent
        same = () if over else (request.option,)
        passed: list[str] = []

        def unusable(option: Option) -> str:
            return self._unusable(option, type_, value, required, waits=True)

        found = first_of((*same, *request.fallback), unusable, passed)
        if found is None:
            return None
        why = f"the attempts of {request.tool} are used up" if over else "the tool of the attempt before"
        return Picked(*found, "; ".join([why, *(f"passed over {line}" for line in passed)]))

    def _chosen(
        self,
        rules: Rules,
        rule: Rule,
        id_: str,
        token: int,
        type_: str,
        value: Json,
        required: Sequence[str],
        look: bool = False,
    ) -> Picked:
        """What the rule chooses; ``look`` leaves everything as it is."""
        judged = self._judged(rules, rule, value) if _weighs(rule) else None
        chance = _chance(f"{rules.seed} {id_} {token}")
        order = ordered(rule, judged, self._turns[rule.name], chance.__next__)
        if not look:
            self._turns[rule.name] += 1
        found = pick(rule.candidates, order, lambda option: self._unusable(option, type_, value, required))
        if isinstance(found, list):
            passed = found
            found = pick(rule.candidates, order, lambda option: self._unfit(option, type_, value))
            if isinstance(found, Picked):
                return msgspec.structs.replace(found, why=f"{found.why}; nothing is available: {'; '.join(passed)}")
            raise ToolError(
                f"no tool of the rule {rule.name!r} can run this: {'; '.join(found)}",
                category=Category.CONFIGURATION,
                suggestion="correct the input, or the rule in ROUTER_CONFIG; POST /route/preview explains the choice",
            )
        return found

    def _judged(self, rules: Rules, rule: Rule, value: Json) -> Judged:
        """What is thought of the candidates: as before while nothing else is known of any of them."""
        seen = [self._seen(rules, candidate.option, value) for candidate in rule.candidates]
        before, judged = self._judgements.get(rule.name, (None, None))
        if judged is not None and before is rule and all(map(is_, judged.seen, seen)):
            return judged
        judged = judge(rule, seen, self._repeat_seconds)
        self._judgements[rule.name] = rule, judged
        return judged

    def _seen(self, rules: Rules, option: Option, value: Json, exactly: bool = False) -> Seen:
        tool = self._tools(option.tool)
        if tool is None:
            return Seen()
        known = self._load.seen(option, tool, option.value(value), bool(rules.of(option.tool)), exactly)
        if not option.requires:
            return known
        places = self.places(option.requires)
        return msgspec.structs.replace(known, running=places.taken, limit=places.slots)

    def _unusable(
        self, option: Option, type_: str, value: Json, required: Sequence[str], *, waits: bool = False
    ) -> str:
        """Why an option cannot run an input now; empty when it can. ``required`` is what the subtask itself wants of an
        agent; ``waits`` is content with those that are busy.
        """
        if why := self._unfit(option, type_, value):
            return why
        if option.requires:
            places = self.places((*required, *option.requires))
            if places.why and not (waits and places.slots):
                return places.why
        elif not self.healthy(option.tool):
            return "its health check fails"
        tool = self._tools(option.tool)
        assert tool is not None
        endpoint = tool.endpoint(option.value(value))
        return "" if self.available(option.tool, endpoint) else f"its breaker{endpoint and f' for {endpoint}'} is open"

    def _unfit(self, option: Option, type_: str, value: Json) -> str:
        """Why an option can never run an input; empty when it can."""
        tool = self._tools(option.tool)
        if tool is None:
            return "there is no such tool"
        if option.tool == type_ and not option.parameters:
            return ""
        faults = tool.check(option.value(value))
        listed = ", ".join(f"/{'/'.join(map(str, path))} {message}" for path, message in faults[:3])
        return f"does not take this input: {listed}" if faults else ""

    def _request(self, picked: Picked, rule: Rule, type_: str, token: int, spec: Spec, value: Json) -> ExecutionRequest:
        option = picked.option
        tool = self._tools(option.tool)
        assert tool is not None
        seconds = spec.timeout or tool.limits.attempt_seconds or self._attempt_seconds
        idle = spec.idle or tool.limits.idle_seconds
        return ExecutionRequest(
            tool=option.tool,
            version=tool.version,
            type=type_,
            token=token,
            rule=rule.name,
            strategy=rule.strategy,
            reason=picked.why,
            parameters=option.parameters,
            environment=dict(tool.environment(option.value(value))),
            limits={"attempt_seconds": seconds} | ({"idle_seconds": idle} if idle else {}),
            fallback=picked.fallback,
            requires=option.requires,
        )

    # --- without running ------------------------------------------------------------------------------------------

    def preview(self, about: About) -> dict[str, Json]:
        """What would run a subtask now, and why; nothing changes by it. Raises ``InvalidInput`` for an unknown type."""
        if self._tools(about.type) is None:
            wrong = f"there is no subtask type {quoted(about.type)}; GET /tools lists them"
            raise InvalidInput([Fault("/type", wrong)])
        if self.file is not None:
            self.file.look()
        rules = self.rules()
        told = [(rule, mismatch(rule, about)) for rule in rules.rules]
        rule = next((rule for rule, why in told if not why), None)
        shown: dict[str, Json] = {
            "rules": [{"name": rule.name, "matches": not why, "why": why} for rule, why in told],
            "rule": None if rule is None else rule.name,
            "strategy": None if rule is None else rule.strategy,
            "candidates": [] if rule is None else self._considered(rule, about),
            "request": None,
            "tool": about.type,
        }
        if rule is None:
            return shown | {"reason": "no rule matches" if rules.rules else "there are no rules: set ROUTER_CONFIG"}
        try:
            picked = self._chosen(rules, rule, about.key, 0, about.type, about.input, about.capabilities, look=True)
        except ToolError as error:
            return shown | {"tool": None, "reason": str(error)}
        request = self._request(picked, rule, about.type, 0, Spec(), about.input)
        return shown | {"tool": request.tool, "reason": request.reason, "request": request.shown()}

    def _considered(self, rule: Rule, about: About) -> list[dict[str, Json]]:
        """Each candidate with what is known of it."""
        rules = self.rules()
        seen = [self._seen(rules, candidate.option, about.input, exactly=True) for candidate in rule.candidates]
        weighed = weigh(rule, seen, self._repeat_seconds)
        return [
            {
                "tool": candidate.option.tool,
                "parameters": candidate.option.parameters,
                "requires": list(candidate.option.requires),
                "fallback": [option.label for option in candidate.fallback],
                "unusable": self._unusable(candidate.option, about.type, about.input, about.capabilities),
                **msgspec.structs.asdict(known),
                "score": one.score,
            }
            for candidate, known, one in zip(rule.candidates, seen, weighed, strict=True)
        ]


def _weighs(rule: Rule) -> bool:
    return rule.strategy == "auto" and len(rule.candidates) > 1


def _chance(text: str) -> Iterator[float]:
    """Numbers from 0 to 1 that a text gives, always the same: cheap, and enough for one choice."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
    while True:
        for start in (0, 8):
            yield int.from_bytes(digest[start : start + 8], "big") / 2**64


_NONE = Rules()
