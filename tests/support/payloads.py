"""Where the real payloads are: one event as each bookmaker's API returned it, kept outside the project."""

import os
from pathlib import Path

BESIDE = Path(__file__).parents[3] / "shared" / "payloads"
PAYLOADS = Path(os.environ.get("MARKETMAP_PAYLOADS") or BESIDE)
FACTS = PAYLOADS.parent / "facts"
SHAPES = FACTS / "shapes.jsonl"
MISSING = f"the real payloads are not in {PAYLOADS} (MARKETMAP_PAYLOADS names another folder)"
