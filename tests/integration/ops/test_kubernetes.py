"""ops/kubernetes: what can be seen of it without a cluster, and that it is at one with docker-compose and the image."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from prometheus_client.metrics_core import Metric

from tests.support.house import engine_on
from tests.support.leniency import LENIENT
from timbre_producers.contracts import INTAKE_QUEUE
from worker.broker import STAMP_QUEUE, WORK_QUEUE, glancing_app
from worker.coordination.connection import connect
from worker.environment import load_settings
from worker.metrics import Metrics
from worker.pulse import PULSE, READY
from worker.settings import variables

ROOT = Path(__file__).parents[3]
PLACE = ROOT / "ops" / "kubernetes"
OVERLAYS = ("small", "production")
OLDEST = "1.29"
"""What is still run; the newest is whatever the schemas know."""

Document = dict[str, Any]


def documents_of(text: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(text) if document]


FILES = {
    path.relative_to(PLACE).as_posix(): documents_of(path.read_text())
    for path in sorted(PLACE.rglob("*.yaml"))
    if path.name != "kustomization.yaml"
}
WRITTEN = [document for documents in FILES.values() for document in documents]


KUBECTL = shutil.which("kubectl")

renders = pytest.mark.skipif(LENIENT and KUBECTL is None, reason="kubectl is not installed, and setup cannot fetch one")
"""No package registry that setup uses has a kustomize as new as the manifests need (1.27's)."""


def rendered(overlay: str) -> list[Document]:
    """What kubectl would apply."""
    assert KUBECTL, "kubectl is not installed: install 1.27 or newer"
    said = subprocess.run(
        [KUBECTL, "kustomize", PLACE / "overlays" / overlay], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    return documents_of(said.stdout)


def of_kind(kind: str, documents: Sequence[Document] = WRITTEN) -> list[Document]:
    return [document for document in documents if document["kind"] == kind]


def pods_of(documents: Sequence[Document]) -> Iterator[Document]:
    for document in documents:
        if document["kind"] in {"Deployment", "Job"}:
            yield document["spec"]["template"]


def containers_of(documents: Sequence[Document]) -> Iterator[Document]:
    for pod in pods_of(documents):
        yield from pod["spec"].get("initContainers", [])
        yield from pod["spec"]["containers"]


def named(name: str) -> Document:
    (found,) = [each for each in containers_of(WRITTEN) if each["name"] == name]
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def check(document: Document) -> None:
    """Against Kubernetes' own schemas, which know no resource of others."""
    if document["apiVersion"].startswith("keda.sh/"):
        return
    for version in (OLDEST, kubernetes_validate.latest_version()):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("file", FILES)
def test_every_manifest_is_what_kubernetes_allows(file: str) -> None:
    assert FILES[file]
    for document in FILES[file]:
        check(document)


@renders
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_renders_to_what_kubernetes_allows(overlay: str) -> None:
    documents = rendered(overlay)
    for document in documents:
        check(document)
        assert document["metadata"]["namespace"] == "timbre"
    keys = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(keys) == len(set(keys))


@renders
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_network_policies_and_budgets_know_every_pod(overlay: str) -> None:
    documents = rendered(overlay)
    for pod in pods_of(documents):
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "timbre"
    components = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods_of(documents)}
    for guard in [*of_kind("PodDisruptionBudget", documents), *of_kind("Service", documents)]:
        selector = guard["spec"]["selector"]
        labels = selector.get("matchLabels", selector)
        assert labels["app.kubernetes.io/component"] in components


@renders
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_queue_has_workers(overlay: str) -> None:
    taken: set[str] = set()
    for container in containers_of(rendered(overlay)):
        if container["name"] == "worker":
            queues = [word.partition("=")[2] for word in container["command"] if word.startswith("--queues=")]
            taken |= set(queues) or {INTAKE_QUEUE, WORK_QUEUE, STAMP_QUEUE}
    assert taken == {INTAKE_QUEUE, WORK_QUEUE, STAMP_QUEUE}


def test_only_settings_that_exist_are_named() -> None:
    texts = [path.read_text() for path in PLACE.rglob("*") if path.is_file()]
    assert set(re.findall(r"TIMBRE_[A-Z_]+[A-Z]", "\n".join(texts))) <= set(variables())
    (settings,) = of_kind("ConfigMap")
    load_settings(settings["data"])


@pytest.mark.parametrize("name", ["migrate", "worker", "beat", "flower"])
def test_the_commands_are_those_of_docker_compose(name: str, compose: dict[str, Any]) -> None:
    assert named(name)["command"] == compose[name]["command"]


def test_the_image_is_that_of_docker_compose_and_its_user_that_of_the_dockerfile(compose: dict[str, Any]) -> None:
    assert {container["image"] for container in containers_of(WRITTEN)} == {compose["worker"]["image"]}
    dockerfile = (ROOT / "ops" / "Dockerfile").read_text()
    (user,) = re.findall(r"--uid (\d+)", dockerfile)
    for pod in pods_of(WRITTEN):
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == int(user)


def test_nothing_can_write_where_it_need_not_or_gain_rights() -> None:
    for container in containers_of(WRITTEN):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
    for pod in pods_of(WRITTEN):
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_no_secret_is_written_down_and_the_readme_names_each() -> None:
    assert not of_kind("Secret")
    text = "\n".join(path.read_text() for path in PLACE.rglob("*.yaml"))
    wanted = set(re.findall(r"secretRef: \{ name: ([\w-]+)", text))
    wanted |= set(re.findall(r"secretKeyRef: \{ name: ([\w-]+)", text))
    wanted |= set(re.findall(r"secretName: ([\w-]+)", text))
    assert wanted == {"timbre-addresses", "timbre-alegra", "timbre-flower", "timbre-tokens"}
    readme = (PLACE / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in wanted)


def test_tokens_reach_those_who_call_alegra_only() -> None:
    for container in containers_of(WRITTEN):
        sources = [each["secretRef"]["name"] for each in container["envFrom"] if "secretRef" in each]
        assert ("timbre-alegra" in sources) == (container["name"] == "worker")


def test_a_stamp_call_on_the_wire_may_end_before_its_worker_is_killed() -> None:
    (settings,) = of_kind("ConfigMap")
    longest = load_settings(settings["data"]).stamp_timeout.total_seconds()
    (worker,) = [pod for pod in pods_of(WRITTEN) if pod["spec"]["containers"][0]["name"] == "worker"]
    assert worker["spec"]["terminationGracePeriodSeconds"] >= longest + 30


def test_the_probes_look_at_the_files_that_a_worker_writes() -> None:
    home = re.search(r"TIMBRE_HOME=(\S+)", (ROOT / "ops" / "Dockerfile").read_text())
    assert home is not None
    worker = named("worker")
    said = {probe: worker[f"{probe}Probe"]["exec"]["command"][-1] for probe in ("startup", "liveness", "readiness")}
    assert said["startup"] == f"test -e {home[1]}/{PULSE}"
    assert said["liveness"].startswith(f"find {home[1]} -name {PULSE} ")
    assert said["readiness"] == f"test -e {home[1]}/{READY}"
    assert {"name": "home", "mountPath": home[1]} in worker["volumeMounts"]


def test_one_beat_is_never_two_by_a_rollout() -> None:
    (beat,) = [each for each in of_kind("Deployment") if each["metadata"]["name"] == "timbre-beat"]
    assert beat["spec"]["replicas"] == 1
    assert beat["spec"]["strategy"] == {"type": "Recreate"}


def test_a_worker_is_added_before_the_threads_of_the_others_are_all_taken() -> None:
    threads = load_settings({}).worker_threads
    targets = {
        trigger["metadata"]["valueLocation"]: float(trigger["metadata"]["targetValue"])
        for scaled in of_kind("ScaledObject")
        for trigger in scaled["spec"]["triggers"]
    }
    assert threads / 2 <= targets["timbre_stamp_slots_wanted"] <= threads * 0.8


@renders
def test_what_is_scaled_exists_and_its_figure_is_told(sqlite_url: str, redis_url: str) -> None:
    settings = load_settings({"TIMBRE_REDIS_URL": redis_url, "TIMBRE_DATABASE_URL": sqlite_url})
    with engine_on(sqlite_url) as engine, connect(redis_url) as redis, glancing_app(settings) as app:
        told: list[Metric] = list(Metrics(engine, redis, app).collect())
    (metrics,) = [each for each in of_kind("Service") if each["metadata"]["name"] == "timbre-metrics"]
    (port,) = metrics["spec"]["ports"]
    for scaled in of_kind("ScaledObject"):
        for trigger in scaled["spec"]["triggers"]:
            where = urlsplit(trigger["metadata"]["url"])
            assert (where.hostname, where.port) == ("timbre-metrics.timbre.svc", port["port"])
            assert trigger["metadata"]["valueLocation"] in {each.name for each in told}
    deployments = {each["metadata"]["name"]: each for each in of_kind("Deployment", rendered("production"))}
    for scaled in of_kind("ScaledObject"):
        # A number of ours would undo the autoscaler's at every apply.
        assert "replicas" not in deployments[scaled["spec"]["scaleTargetRef"]["name"]]["spec"]
