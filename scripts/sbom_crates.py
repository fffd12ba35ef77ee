"""Add the crates that are compiled into recall to a bill of materials: `sbom_crates.py SBOM CARGO_LOCK`.

They are in the wheel of recall, and no requirement of Python names them. Crates that only build it are among
them: the lock file does not tell which those are.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(sbom: Path, lock: Path) -> None:
    document = json.loads(sbom.read_text(encoding="utf-8"))
    crates = list(components(tomllib.loads(lock.read_text(encoding="utf-8"))))
    known = {each["bom-ref"] for each in crates}
    others = [each for each in document["components"] if each["bom-ref"] not in known]
    document["components"] = [*others, *crates]
    sbom.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def components(lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The packages of a Cargo.lock that come from a registry; ours has no source."""
    for package in lock["package"]:
        if "source" not in package:
            continue
        purl = f"pkg:cargo/{package['name']}@{package['version']}"
        yield {
            "bom-ref": purl,
            "description": "compiled into market_mapping_recall, or builds it",
            "hashes": [{"alg": "SHA-256", "content": package["checksum"]}],
            "name": package["name"],
            "purl": purl,
            "type": "library",
            "version": package["version"],
        }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
