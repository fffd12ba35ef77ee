"""The meanings that ship, and what the insight part needs of them."""

from pathlib import Path

from worker.domain.meaning.catalogue import load_meanings

MEANINGS_FILE = Path(__file__).parents[2] / "catalogue" / "meanings.json"
MEANINGS = load_meanings(MEANINGS_FILE.read_text(encoding="utf-8"))
PREDICATES = [one.predicates for one in MEANINGS.values() if one.predicates is not None]
