"""The manifests for Kubernetes: built by kustomize, valid by its schemas, in step with settings, compose and image."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values

from engine.settings import Settings

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.agent03.yml").read_text())["services"]
VERSION = "1.31"
OURS = ("agent03-api", "agent03-engine", "agent03-worker")
NOT_SETTINGS = {"REDIS_PASSWORD"}
"""Read by KEDA and not by the engine."""
OWN = {name.upper() for name in Settings.model_fields}
Manifest = dict[str, Any]


def written(folder: Path = DEPLOY) -> list[Manifest]:
    """Every manifest as it is written, those of kustomize itself left out."""
    files = [path for path in sorted(folder.rglob("*.yaml")) if path.name != "kustomization.yaml"]
    return [manifest for path in files for manifest in yaml.safe_load_all(path.read_text())]


def built(folder: Path) -> list[Manifest]:
    """What kustomize makes of a folder."""
    commands = {"kustomize": ["kustomize", "build"], "kubectl": ["kubectl", "kustomize"]}
    found = next((command for name, command in commands.items() if shutil.which(name)), None)
    if found is None:
        pytest.skip("neither kustomize nor kubectl is on the PATH")
    done = subprocess.run([*found, str(folder)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Name and pod of everything that runs some."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def named(name: str) -> Manifest:
    """The one container of a deployment of ours."""
    return dict(dict(pods(written()))[name]["containers"][0])


def known(manifest: Manifest) -> bool:
    """Whether its schema is one of Kubernetes itself."""
    return not manifest["apiVersion"].startswith("keda.sh/")


def test_every_manifest_is_valid_as_it_is_written() -> None:
    manifests = [manifest for manifest in written() if known(manifest)]
    assert len(manifests) > 15
    for manifest in manifests:
        kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_manifest_with_a_mistake_is_refused() -> None:
    wrong = next(manifest for manifest in written() if manifest["kind"] == "Deployment")
    wrong["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


@pytest.mark.parametrize("folder", ["base", "overlays/trial", "overlays/scaled"])
def test_what_kustomize_builds_is_valid_and_hangs_together(folder: str) -> None:
    manifests = built(DEPLOY / folder)
    for manifest in filter(known, manifests):
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    labels = {name: manifest["spec"]["template"]["metadata"]["labels"] for name, manifest in _workloads(manifests)}
    for manifest in manifests:
        if manifest["kind"] == "Service":
            wanted = manifest["spec"]["selector"].items()
            assert any(wanted <= one.items() for one in labels.values()), "a service has pods"
        if manifest["kind"] == "PodDisruptionBudget":
            wanted = manifest["spec"]["selector"]["matchLabels"].items()
            assert any(wanted <= one.items() for one in labels.values()), "a budget has pods"
        if manifest["kind"] == "ScaledObject":
            assert manifest["spec"]["scaleTargetRef"]["name"] in labels
    claims = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "PersistentVolumeClaim"}
    maps = {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "ConfigMap"}
    for name, pod in pods(manifests):
        for volume in pod.get("volumes", ()):
            assert "emptyDir" in volume or volume["persistentVolumeClaim"]["claimName"] in claims, name
        for source in pod["containers"][0].get("envFrom", ()):
            assert source["configMapRef"]["name"] in maps, "kustomize has named it by what is in it"


def _workloads(manifests: list[Manifest]) -> list[tuple[str, Manifest]]:
    return [(one["metadata"]["name"], one) for one in manifests if one["kind"] in ("Deployment", "StatefulSet")]


def test_every_variable_is_a_setting() -> None:
    config = {name: value for name, value in dotenv_values(DEPLOY / "base" / "config.env").items() if value}
    assert set(config) <= OWN
    Settings.model_validate({name.lower(): value for name, value in config.items()})
    for name in OURS:
        for variable in named(name)["env"]:
            assert variable["name"] in OWN, name
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference == {"name": "agent03", "key": variable["name"]} | (
                {"optional": True} if reference.get("optional") else {}
            )
    assert {"NEO4J_AUTH"} == {one["name"] for one in named("agent03-engine")["env"] if _needed(one)}


def _needed(variable: Manifest) -> bool:
    return not variable["valueFrom"]["secretKeyRef"].get("optional", False)


def test_no_secret_is_written_down() -> None:
    assert not [manifest for manifest in written() if manifest["kind"] == "Secret"]
    config = dotenv_values(DEPLOY / "base" / "config.env")
    hidden = {name for name in OWN if re.search(r"AUTH|KEY$|SECRET$|TOKEN|SMTP_URL", name)}
    assert not hidden & set(config)


def test_images_and_ports_are_those_of_compose() -> None:
    images = {container["image"] for _, pod in pods(written()) for container in pod["containers"]}
    assert images == {"agent03-core-engine", COMPOSE["neo4j"]["image"], COMPOSE["redis"]["image"]}
    assert COMPOSE["engine"]["image"] == "agent03-core-engine:local"
    config = dotenv_values(DEPLOY / "base" / "config.env")
    inside = COMPOSE["engine"]["ports"][0].rsplit(":", 1)[1]
    for name in ("agent03-api", "agent03-engine"):
        assert (
            [port["containerPort"] for port in named(name)["ports"]]
            == [int(inside)]
            == [int(config["BACKEND_PORT"] or 0)]
        )
    assert [port["containerPort"] for port in named("agent03-worker")["ports"]] == [int(config["WORKER_PORT"] or 0)]
    assert COMPOSE["worker"]["environment"]["WORKER_PORT"] == config["WORKER_PORT"]
    for name, ours in (("agent03-api", "api"), ("agent03-engine", "engine-2"), ("agent03-worker", "worker")):
        assert COMPOSE[ours]["command"][: len(named(name)["args"])] == named(name)["args"], "the same commands"


def test_probes_ask_what_is_served() -> None:
    served = (REPOSITORY / "api" / "routes" / "health.py").read_text()
    for name in ("agent03-api", "agent03-engine"):
        container = named(name)
        for probe, path in (("startup", "live"), ("liveness", "live"), ("readiness", "ready")):
            asked = container[f"{probe}Probe"]["httpGet"]
            assert asked == {"path": f"/health/{path}", "port": "http"}
            assert f'@router.get("{asked["path"]}"' in served
    assert named("agent03-worker")["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert "tcpSocket" in named("agent03-worker")["livenessProbe"], "no restart because Redis is away"


@pytest.mark.parametrize("name", OURS)
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    pod = dict(pods(written()))[name]
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    user = re.search(r"^USER (\d+):(\d+)", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == tuple(map(int, user.groups()))
    assert container["resources"]["limits"]["memory"]
    config = dotenv_values(DEPLOY / "base" / "config.env")
    places = {mount["mountPath"] for mount in container["volumeMounts"]}
    wanted = {"/tmp", f"/app/{Settings().data_path}", config["FILE_ROOTS"]}
    assert places >= wanted if name == "agent03-worker" else places == wanted | {config["BLOB_PATH"]}


def test_force_comes_after_what_an_engine_needs_to_stop() -> None:
    grace = float(dotenv_values(DEPLOY / "base" / "config.env")["SHUTDOWN_GRACE_SECONDS"] or 0)
    for name, pod in pods(written()):
        if name in OURS:
            wait = 5 if "lifecycle" in pod["containers"][0] else 0
            assert pod["terminationGracePeriodSeconds"] >= grace + wait + 10, name
