"""The texts a local Neo4j is started with."""

from __future__ import annotations

import shlex
from pathlib import Path

from graph.server.config import argument_file, java_arguments, neo4j_conf


def settings(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_it_listens_on_loopback_only_and_tells_clients_so() -> None:
    conf = settings(neo4j_conf(Path("/data/neo4j"), 20001, 20002, 512, 256))

    assert conf["server.bolt.listen_address"] == conf["server.bolt.advertised_address"] == "127.0.0.1:20001"
    assert conf["server.http.listen_address"] == conf["server.http.advertised_address"] == "127.0.0.1:20002"
    assert conf["server.default_listen_address"] == "127.0.0.1"
    assert conf["server.https.enabled"] == "false"


def test_memory_is_as_asked_and_data_lies_under_the_folder() -> None:
    conf = settings(neo4j_conf(Path("/data/neo4j"), 20001, 20002, 700, 300))

    assert (conf["server.memory.heap.max_size"], conf["server.memory.pagecache.size"]) == ("700m", "300m")
    assert all(value.startswith("/data/neo4j/") for name, value in conf.items() if "directories" in name)


def test_browser_is_led_to_the_engine_whose_address_is_known_and_to_no_other() -> None:
    led = settings(neo4j_conf(Path("/data/neo4j"), 1, 2, 3, 4, "http://engine.lan:8003"))
    left = settings(neo4j_conf(Path("/data/neo4j"), 1, 2, 3, 4))

    assert {name: value for name, value in led.items() if name not in left} == {
        "browser.remote_content_hostname_whitelist": "engine.lan,localhost,127.0.0.1,guides.neo4j.com",
        "browser.post_connect_cmd": (
            "style http://engine.lan:8003/browser/style.grass; play http://engine.lan:8003/browser/guide"
        ),
    }


def test_durability_stays_as_neo4j_ships_it() -> None:
    text = neo4j_conf(Path("/data/neo4j"), 1, 2, 3, 4)

    assert not [name for name in settings(text) if "ephemeral" in name or "force" in name or "sync" in name]


def test_jars_are_sorted_so_that_an_archive_of_classes_fits_every_start() -> None:
    jars = [Path("/lib/b.jar"), Path("/lib/a.jar"), Path("/lib/c.jar")]

    forwards = java_arguments(jars, Path("/data"), 512, [])
    backwards = java_arguments(reversed(jars), Path("/data"), 512, [])

    assert forwards == backwards
    assert forwards[forwards.index("-cp") + 1] == "/lib/a.jar:/lib/b.jar:/lib/c.jar"


def test_java_flags_come_before_the_entry_point_and_the_servers_own_after() -> None:
    arguments = java_arguments([Path("/lib/a.jar")], Path("/data"), 512, ["-XX:SharedArchiveFile=/x.jsa"])
    entry = arguments.index("org.neo4j.server.CommunityEntryPoint")

    assert {"-Xmx512m", "-Xms512m", "-XX:SharedArchiveFile=/x.jsa"} < set(arguments[:entry])
    assert arguments[entry + 1 :] == ["--home-dir=/data", "--config-dir=/data/conf", "--console-mode"]


def test_an_argument_file_keeps_blanks_quotes_and_backslashes() -> None:
    arguments = ["-cp", "/a folder/x.jar:/b", 'say "hello"', "back\\slash"]

    assert shlex.split(argument_file(arguments)) == arguments
