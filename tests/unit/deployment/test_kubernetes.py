"""The Kubernetes manifests agree with the published schemas and with the code; no cluster is needed."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.support.autoscaler import changes_under
from worker.cli.main import app
from worker.settings.settings import PREFIX, SECRETS, Settings

FOLDER = Path(__file__).parents[3] / "deploy" / "kubernetes"
RELEASES = ("1.32", "1.37")  # of Kubernetes; of those between, nothing that is used here changed
DEFAULTS = Settings.model_construct()
KEDA = json.loads((Path(__file__).parents[2] / "support" / "keda_2_18.json").read_text())


@cache
def manifests_in(folder: str) -> list[dict[str, Any]]:
    files = sorted((FOLDER / folder).glob("*.yaml"))
    return [
        one
        for file in files
        if file.name != "kustomization.yaml"
        for one in yaml.safe_load_all(file.read_text())
    ]


def manifests(*folders: str) -> list[dict[str, Any]]:
    return [deepcopy(one) for folder in folders for one in manifests_in(folder)]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in manifests("base", "setup", "scaling") if one["kind"] == kind]


def named(one: dict[str, Any]) -> str:
    return f"{one['kind']}-{one['metadata']['name']}"


def pods() -> list[Any]:
    workloads = of_kind("Deployment") + of_kind("Job")
    return [pytest.param(one["spec"]["template"]["spec"], id=named(one)) for one in workloads]


def deployments() -> list[Any]:
    return [pytest.param(one, id=named(one)) for one in of_kind("Deployment")]


def given_settings(folder: str) -> dict[str, str]:
    lines = (FOLDER / folder / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "manifest", [pytest.param(one, id=named(one)) for one in manifests("base", "setup")]
)
def test_every_manifest_is_valid_and_has_no_unknown_field(
    manifest: dict[str, Any], release: str
) -> None:
    assert kubernetes_validate.validate(manifest, release, strict=True) == release


@pytest.mark.parametrize("pod", pods())
def test_a_pod_has_the_least_rights(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("pod", pods())
def test_a_pod_runs_as_the_user_of_the_image_and_has_bounded_memory(pod: dict[str, Any]) -> None:
    dockerfile = (FOLDER.parents[1] / "Dockerfile").read_text()
    assert f"USER {pod['securityContext']['runAsUser']}\n" in dockerfile
    assert all(container["resources"]["limits"]["memory"] for container in pod["containers"])


@pytest.mark.parametrize("pod", pods())
def test_every_command_exists(pod: dict[str, Any]) -> None:
    for container in pod["containers"]:
        assert CliRunner().invoke(app, [*container["args"], "--help"]).exit_code == 0


@pytest.mark.parametrize("pod", pods())
def test_the_address_of_the_database_comes_from_a_file(pod: dict[str, Any]) -> None:
    secrets = {f"{PREFIX}{field.upper()}_FILE" for field in SECRETS}
    for container in pod["containers"]:
        mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for variable in container.get("env", []):
            assert variable["name"] in secrets
            assert str(Path(variable["value"]).parent) in mounts


@pytest.mark.parametrize("folder", ["base", "setup"])
def test_every_variable_is_a_setting_and_every_value_is_accepted(folder: str) -> None:
    fields = {
        name.removeprefix(PREFIX).lower(): value for name, value in given_settings(folder).items()
    }
    assert set(fields) <= set(Settings.model_fields)
    Settings.model_validate(fields)


@pytest.mark.parametrize("deployment", deployments())
def test_the_kubelet_waits_longer_than_the_process_needs_to_stop(
    deployment: dict[str, Any],
) -> None:
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > DEFAULTS.shutdown_timeout_s


@pytest.mark.parametrize("deployment", deployments())
def test_the_probes_ask_the_endpoints_where_they_are_served(deployment: dict[str, Any]) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    asked = [container[probe]["httpGet"] for probe in probes]
    assert [one["path"] for one in asked] == ["/startupz", "/livez", "/readyz"]
    assert {one["port"] for one in asked} == {"http"}
    served = int(given_settings("base")["MARKETMAP_HTTP_PORT"])
    assert container["ports"] == [{"name": "http", "containerPort": served}]
    assert deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(
        served
    )


@pytest.mark.parametrize("deployment", deployments())
def test_a_stalled_process_has_time_to_say_why_before_it_is_killed(
    deployment: dict[str, Any],
) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    probe = container["livenessProbe"]
    killed_after = probe["periodSeconds"] * probe["failureThreshold"]
    # Not alive from half of the bound on; at the bound the process logs and ends.
    assert killed_after > DEFAULTS.stall_timeout_s / 2


def test_every_deployment_has_a_disruption_budget() -> None:
    budgets = {named(one): one["spec"]["selector"] for one in of_kind("PodDisruptionBudget")}
    for deployment in of_kind("Deployment"):
        assert (
            budgets["PodDisruptionBudget-" + deployment["metadata"]["name"]]
            == deployment["spec"]["selector"]
        )


def test_selectors_find_the_pods_of_their_deployment() -> None:
    for deployment in of_kind("Deployment"):
        wanted = deployment["spec"]["selector"]["matchLabels"].items()
        assert wanted <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_only_a_named_namespace_reaches_a_pod() -> None:
    (policy,) = yaml.safe_load_all((FOLDER / "base" / "network.yaml").read_text())
    assert "Ingress" in policy["spec"]["policyTypes"]
    for rule in policy["spec"]["ingress"]:
        assert rule["ports"]
        assert rule["from"]
        assert all(peer["namespaceSelector"]["matchLabels"] for peer in rule["from"])


def test_scaling_counts_the_lag_of_the_group_on_every_topic_of_observations() -> None:
    (scaled,) = of_kind("ScaledObject")
    triggers = scaled["spec"]["triggers"]
    assert {trigger["metadata"]["topic"] for trigger in triggers} == set(
        DEFAULTS.topics.observations.values()
    )
    assert {trigger["metadata"]["consumerGroup"] for trigger in triggers} == {DEFAULTS.group_id}
    assert all(trigger["type"] == "kafka" for trigger in triggers)


def strict(schema: Any) -> Any:
    """The schema with every field that it does not know refused; an API server would drop it in silence."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    return closed | {name: strict(value) for name, value in schema.items()}


def faults_of_scaling(scaled: dict[str, Any]) -> list[str]:
    validator = Draft202012Validator(strict(KEDA["scaled_object"]))
    return [error.message for error in validator.iter_errors(scaled)]


def test_scaling_has_the_form_that_keda_reads() -> None:
    (scaled,) = of_kind("ScaledObject")
    assert scaled["apiVersion"] == "keda.sh/v1alpha1"
    assert faults_of_scaling(scaled) == []
    assert scaled["spec"]["scaleTargetRef"]["name"] in {
        one["metadata"]["name"] for one in of_kind("Deployment")
    }
    for trigger in scaled["spec"]["triggers"]:
        assert set(trigger["metadata"]) <= set(KEDA["kafka_metadata"])
        # KEDA reads the brokers from the environment of the deployment's pods.
        assert trigger["metadata"]["bootstrapServersFromEnv"] in given_settings("base")


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ((), {"maxReplicas": 3}),
        ((), {"maxReplicaCount": "18"}),
        (("triggers", 0), {"metadata": {"lagThreshold": 200}}),
        (("triggers", 0), {"meta": {}}),
        (("scaleTargetRef",), {"deployment": "marketmap-worker"}),
        (("advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown"), {"window": 300}),
    ],
)
def test_scaling_in_another_form_would_be_noticed(
    place: tuple[Any, ...], wrong: dict[str, Any]
) -> None:
    (scaled,) = of_kind("ScaledObject")
    part = scaled["spec"]
    for step in place:
        part = part[step]
    part.update(wrong)
    assert len(faults_of_scaling(scaled)) == 1


HOUR_S = 3600
# Far below what a worker does; see docs/performance.md.
WORKER_RATE = 60
_BURST_S = 5


def waves(events: int, every_s: int) -> Callable[[int], float]:
    """A scrape of so many events, which arrive almost at once."""
    return lambda now_s: events / _BURST_S if now_s % every_s < _BURST_S else 0


@pytest.mark.parametrize("every_s", [300, 600])
@pytest.mark.parametrize("events", [1300, 1700])
def test_a_wave_that_the_workers_get_through_changes_nothing(events: int, every_s: int) -> None:
    (scaled,) = of_kind("ScaledObject")
    changes = changes_under(
        scaled, waves(events, every_s), worker_rate=WORKER_RATE, topics=3, seconds=6 * HOUR_S
    )
    assert changes == []


def test_waves_that_are_too_large_for_two_workers_are_followed_in_few_steps() -> None:
    (scaled,) = of_kind("ScaledObject")
    changes = changes_under(
        scaled, waves(15_000, 300), worker_rate=WORKER_RATE, topics=3, seconds=6 * HOUR_S
    )
    assert 1 <= len(changes) <= 4
    assert changes[-1].replicas * WORKER_RATE >= 3 * 15_000 / 300
    assert changes[-1].at_s <= HOUR_S


def test_a_lag_that_stays_is_answered_within_minutes_and_a_calm_within_hours() -> None:
    (scaled,) = of_kind("ScaledObject")
    backlog = changes_under(
        scaled,
        lambda now_s: 60_000 if now_s == 0 else 0,
        worker_rate=WORKER_RATE,
        topics=3,
        seconds=4 * HOUR_S,
    )
    highest = max(change.replicas for change in backlog)
    assert backlog[0].at_s <= 150
    assert next(change.at_s for change in backlog if change.replicas == highest) <= 15 * 60
    assert backlog[-1].replicas == scaled["spec"]["minReplicaCount"]
    assert len(backlog) <= 8


def test_without_policies_of_its_own_the_number_would_follow_every_wave() -> None:
    (scaled,) = of_kind("ScaledObject")
    scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] = {}
    changes = changes_under(
        scaled, waves(1700, 600), worker_rate=WORKER_RATE, topics=3, seconds=6 * HOUR_S
    )
    assert len(changes) >= 2 * 6 * HOUR_S // 600


def test_scaling_never_starts_a_worker_without_a_partition() -> None:
    (scaled,) = of_kind("ScaledObject")
    assert (
        scaled["spec"]["maxReplicaCount"] == len(DEFAULTS.topics.observations) * DEFAULTS.partitions
    )


@pytest.mark.parametrize("folder", ["base", "setup", "scaling", "example", "example/setup"])
def test_a_kustomization_names_every_file_beside_it_and_none_that_is_not_there(folder: str) -> None:
    kustomization = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())
    listed = [*kustomization["resources"], *kustomization.get("components", [])]
    assert all((FOLDER / folder / name).exists() for name in listed)
    beside = {file.name for file in (FOLDER / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert beside <= set(listed)


@pytest.mark.parametrize("folder", ["base", "setup", "example", "example/setup"])
def test_kustomize_itself_renders_the_folder_to_valid_manifests(folder: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    rendered = subprocess.run(
        [kubectl, "kustomize", FOLDER / folder], capture_output=True, text=True, check=True
    ).stdout
    assert not re.search(r"name: marketmap-settings$", rendered, re.MULTILINE)
    for manifest in yaml.safe_load_all(rendered):
        if manifest["kind"] != "ScaledObject":
            kubernetes_validate.validate(manifest, RELEASES[0], strict=True)
