"""What travels to other processes, what it means when they end, and what a call wants of a Ray cluster."""

from __future__ import annotations

import signal

import msgspec
import pytest

from api.environment import child_environment, load_settings
from engine.errors import Category, Fatal, Retryable, SettingsError, ToolError
from engine.executors import Lost
from engine.model import Expand
from engine.pools.calls import Begun, Call, End, Failed, Line, Told, call_of, encoded, error_of, told_of, wrong_of
from engine.pools.calls import returned as value_of
from engine.pools.demands import Demand, Node, demand_of, lacking, processors
from engine.pools.portable import origin_of, why_not
from engine.pools.ray import error_of as ray_error_of
from engine.pools.workers import died, told_there
from engine.settings import Settings
from engine.tools.decorator import tool
from engine.tools.guardians import Outcome
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry

CALL = Call("t", "m:f", {"x": 1}, "task", "task.1", "a", 3, 10.0, cpu_seconds=2.0)


def test_a_call_and_all_that_is_said_of_it_arrive_as_they_were_sent() -> None:
    call = msgspec.structs.replace(CALL, input={"big": 10**50, "text": "\u2028ü", "none": None})
    assert call_of(encoded(call)) == call
    said: list[Told] = [Begun("n"), Line("info", "x", {"a": [1]}), Failed("node", "w"), End({"v": 10**50})]
    assert [told_of(encoded(one)) for one in said] == said
    grown = Expand([{"key": "a"}], note={"n": 1})
    assert value_of(told_of(encoded(End(expand=grown)))) == grown  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        ToolError("no", category=Category.PERMISSION, suggestion="do", output={"half": [1]}, delay=2.5, crashed=True),
        Retryable("later", delay=0.0),
        Fatal("never"),
    ],
)
def test_an_error_arrives_with_all_that_decides_about_its_repeat(error: ToolError) -> None:
    found = error_of(wrong_of(error))
    names = ("category", "suggestion", "output", "delay", "crashed", "repeat")
    assert str(found) == str(error)
    assert [getattr(found, name) for name in names] == [getattr(error, name) for name in names]


def test_what_an_error_carries_that_is_no_json_is_left_out() -> None:
    assert error_of(wrong_of(ToolError("no", output=object()))).output is None


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(3, 0, 0, 0), "ended with exit code 3: the last"),
        (Outcome(-signal.SIGKILL, 0, 0, 0), "was ended by SIGKILL"),
        (Outcome(-signal.SIGSEGV, 0, 0, 0), "was ended by SIGSEGV"),
    ],
)
def test_a_process_that_ends_by_itself_is_lost(outcome: Outcome, words: str) -> None:
    found = died(CALL, outcome, "the last", False)
    assert isinstance(found, Lost)
    assert words in str(found)


def test_a_process_that_met_its_limits_is_short_of_resources() -> None:
    for outcome, long in ((Outcome(-signal.SIGXCPU, 2, 2, 0), False), (Outcome(-9, 0, 0, 0, 7), False)):
        found = died(CALL, outcome, "", long)
        assert isinstance(found, ToolError)
        assert found.category is Category.RESOURCE
    assert isinstance(died(CALL, Outcome(-9, 0, 0, 0), "", True), ToolError)


@pytest.mark.parametrize(
    ("how", "category"),
    [("memory", Category.RESOURCE), ("unschedulable", Category.TRANSIENT), ("code", Category.CONFIGURATION)],
)
def test_what_ray_says_has_a_category(how: str, category: Category) -> None:
    found = ray_error_of(Failed(how, "so"), "t")
    assert isinstance(found, ToolError)
    assert found.category is category
    assert "so" in str(found)


@pytest.mark.parametrize("how", ["worker", "node", "cancelled", "lost", "cluster"])
def test_what_ray_has_lost_is_an_interruption(how: str) -> None:
    assert isinstance(ray_error_of(Failed(how, "so"), "t"), Lost)


HEAD = Node("h", "10.0.0.1", {"CPU": 2, "memory": 2**31})
GPU = Node("g", "10.0.0.2", {"CPU": 8, "GPU": 1, "browser": 2, "memory": 2**34}, {"eu": "true", "zone": "b"})


def test_capabilities_become_resources_where_a_node_has_them_and_labels_else() -> None:
    nodes = [HEAD, GPU]
    wanted = demand_of(["GPU", "browser", "eu"], 100, nodes)
    assert wanted == Demand({"CPU": 1, "memory": 100 * 2**20, "GPU": 1, "browser": 1}, {"eu": "true"})
    assert (wanted.fits(GPU), wanted.fits(HEAD), lacking(wanted, nodes)) == (True, False, "")
    assert wanted.options() == {
        "num_cpus": 1,
        "num_gpus": 1,
        "memory": 100 * 2**20,
        "resources": {"browser": 1},
        "label_selector": {"eu": "true"},
    }
    assert processors(nodes) == 10


def test_what_no_node_has_is_said_before_anything_is_sent_there() -> None:
    assert "no node of the Ray cluster has the resource laser" in lacking(demand_of(["laser"], None, [GPU]), [GPU])
    assert "the Ray cluster has no node" in lacking(demand_of([], None, []), [])
    assert "a processor" in lacking(demand_of([], None, []), [Node("x", "y")])
    assert "MiB" in lacking(demand_of([], 10**6, [GPU]), [GPU])
    apart = [Node("a", "", {"CPU": 1, "left": 1}), Node("b", "", {"CPU": 1, "right": 1})]
    assert "no single node" in lacking(demand_of(["left", "right"], None, apart), apart)


def test_only_what_another_process_finds_can_run_there() -> None:
    registry = ToolRegistry()
    registry.load_modules(["tests.support.nested_tools"])
    nested, hidden = registry.get("nested"), registry.get("hidden")
    assert nested is not None
    assert hidden is not None
    assert "top level" in why_not(nested)
    assert (origin_of(hidden), why_not(hidden)) == (
        "tests.support.nested_tools:found",
        "",
    )  # it is found out at the start
    assert (origin_of(Noop()), why_not(Noop())) == ("builtin:noop", "")


def test_an_executor_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="'fork' is no executor"):
        tool("name", executor="fork")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="TYPE_EXECUTORS"):
        load_settings(environ={"TYPE_EXECUTORS": "noop=ray"})
    with pytest.raises(SettingsError, match="EXECUTOR=fork"):
        load_settings(environ={"EXECUTOR": "fork"})
    found = load_settings(environ={"TYPE_EXECUTORS": "a:ray, mcp.x.y:processes"})
    assert found.type_executors == {"a": "ray", "mcp.x.y": "processes"}


def test_another_process_is_told_no_secret() -> None:
    settings = Settings.model_validate(
        {"neo4j_auth": "u/secret-1", "anthropic_api_key": "secret-2", "smtp_url": "secret-3"}
    )
    assert "secret" not in repr(told_there(settings))
    given = {
        "NEO4J_AUTH": "u/p",
        "REDIS_URL": "redis://:p@h:1",
        "AGENT03_SECRET_X": "s",
        "AGENT03_KEY": "k",
        "MY_OWN": "stays",
        "DATA_PATH": "/d",
    }
    assert child_environment(given) == {"MY_OWN": "stays", "DATA_PATH": "/d"}
