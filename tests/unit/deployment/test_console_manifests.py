"""The manifests of the console agree with the published schemas, with its settings and with its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from worker.console.sign_in.door import require_safe_settings
from worker.settings.settings import PREFIX, SECRETS, Settings

FILE = Path(__file__).parents[3] / "deploy" / "kubernetes" / "console" / "console.yaml"
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))
POD: dict[str, Any] = MANIFESTS[0]["spec"]["template"]["spec"]


@pytest.mark.parametrize("release", ["1.32", "1.37"])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=[one["kind"] for one in MANIFESTS])
def test_every_manifest_of_the_console_is_valid(manifest: dict[str, Any], release: str) -> None:
    assert kubernetes_validate.validate(manifest, release, strict=True) == release


def test_the_console_has_the_least_rights() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    (container,) = POD["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["args"] == ["run", "console"]


def test_its_settings_exist_and_sign_people_in_safely() -> None:
    (container,) = POD["containers"]
    given = {one["name"].removeprefix(PREFIX).lower(): one["value"] for one in container["env"]}
    files = {name.removesuffix("_file") for name in given if name.endswith("_file")}
    assert files <= set(SECRETS)
    settings = {name: value for name, value in given.items() if not name.endswith("_file")}
    assert settings.keys() <= Settings.model_fields.keys()
    require_safe_settings(Settings(**settings))


def test_one_console_runs_because_it_keeps_the_sessions() -> None:
    assert MANIFESTS[0]["spec"]["replicas"] == 1
    assert MANIFESTS[0]["spec"]["strategy"] == {"type": "Recreate"}
