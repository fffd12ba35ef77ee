"""Judge what pip-audit answers: `audit.py COMMAND...`, a command that writes its report as JSON on stdout.

pip-audit ends well when the service knows nothing of any package. Here that is no answer. Exit codes: 0 every
package was asked about and has no known weakness; 1 some have; 2 not all could be asked about.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_NAMED = 5


def main(command: Sequence[str]) -> int:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours, of the Makefile
    packages = _packages(ran.stdout)
    if not packages:
        told = ran.stderr.strip().splitlines() or ["it said nothing"]
        return _unasked(f"the service of advisories gave no answer: {told[-1][:300]}")
    weak = [_weakness(one, flaw) for one in packages for flaw in one.get("vulns", ())]
    if weak:
        _say(*weak, f"audit: {len(weak)} known weaknesses")
        return 1
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped:
        more = f" and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
        named = ", ".join(skipped[:_NAMED]) + more
        return _unasked(
            f"of {len(skipped)} of {len(packages)} packages the service knows nothing: {named}"
        )
    _say(f"audit: {len(packages)} packages, no known weakness")
    return 0


def _packages(report: str) -> list[dict[str, Any]]:
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return []
    return packages


def _weakness(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    fixed = ", ".join(flaw.get("fix_versions") or ["no version yet"])
    return f"audit: {package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}"


def _unasked(why: str) -> int:
    _say(
        f"audit: {why}",
        "audit: NOT audited. Run it where the service is reachable (docs/security.md).",
    )
    return 2


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
