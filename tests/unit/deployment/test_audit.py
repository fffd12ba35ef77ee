"""An audit that asked nobody must not look like one that found nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[3] / "scripts" / "audit.py"
SOUND: dict[str, Any] = {"name": "yarl", "version": "1.25.1", "vulns": []}
SKIPPED = {
    "name": "aiohttp",
    "skip_reason": "Dependency not found on PyPI and could not be audited",
}
WEAK = {
    "name": "jinja2",
    "version": "3.1.5",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}],
}


def audit(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def audit_of(*packages: dict[str, Any], code: int = 0) -> subprocess.CompletedProcess[str]:
    report = json.dumps({"dependencies": packages, "fixes": []})
    return audit(f"print({report!r}); raise SystemExit({code})")


def test_packages_without_a_known_weakness_pass() -> None:
    outcome = audit_of(SOUND, SOUND)
    assert outcome.returncode == 0
    assert "2 packages, no known weakness" in outcome.stderr


def test_a_known_weakness_is_told_with_the_version_that_mends_it() -> None:
    outcome = audit_of(SOUND, WEAK, SKIPPED, code=1)
    assert outcome.returncode == 1
    assert "jinja2 3.1.5: PYSEC-1, fixed in 3.1.6" in outcome.stderr


def test_a_package_that_the_service_does_not_know_fails_the_audit() -> None:
    outcome = audit_of(SOUND, SKIPPED)
    assert outcome.returncode == 2
    assert "of 1 of 2 packages the service knows nothing: aiohttp" in outcome.stderr
    assert "NOT audited" in outcome.stderr


def test_a_service_that_cannot_be_reached_fails_the_audit_and_the_cause_is_told() -> None:
    outcome = audit("raise SystemExit('Failed to resolve api.osv.dev')")
    assert outcome.returncode == 2
    assert "gave no answer: Failed to resolve api.osv.dev" in outcome.stderr


def test_an_empty_report_is_no_answer() -> None:
    assert audit_of().returncode == 2


def steps_of_a_release(*variables: str) -> str:
    """What `make release` would run."""
    command = ["make", "--dry-run", "--no-print-directory", "release", *variables]
    return subprocess.run(
        command, cwd=SCRIPT.parents[1], capture_output=True, text=True, check=True
    ).stdout


def test_a_release_has_its_checksums_only_after_the_audit() -> None:
    steps = steps_of_a_release()
    wheels, bill, audited = (
        steps.index(one) for one in ("hatchling build", "cyclonedx-py", "pip-audit")
    )
    assert max(wheels, bill, audited) < steps.index("> SHA256SUMS")


def test_a_release_without_an_audit_says_so() -> None:
    steps = steps_of_a_release("AUDIT=no")
    assert "pip-audit" not in steps
    assert "NOT audited" in steps
