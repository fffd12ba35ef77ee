"""Where to find the catalogue that comes with the program, and what its markets mean."""

from functools import cache, lru_cache
from pathlib import Path

import worker
from worker.domain.catalogue import load_catalogue
from worker.domain.mapping import Mapping
from worker.domain.meaning.catalogue import MarketMeaning, load_meaning, load_meanings

FILE_NAME = "markets.json"


def shipped_catalogue() -> Path:
    """The file inside an installed package, or at the top of a checkout."""
    package = Path(worker.__file__).parent
    installed = package / "catalogue_data" / FILE_NAME
    return installed if installed.is_file() else package.parent / "catalogue" / FILE_NAME


def shipped_mappings() -> list[Mapping]:
    """Its mappings that are switched on."""
    return load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))


@cache
def shipped_meanings() -> dict[str, MarketMeaning]:
    """The meanings next to it, read once: their expressions are compiled, which takes half a second."""
    return load_meanings(_meanings_text())


@lru_cache(maxsize=1024)
def shipped_meaning(canonical_id: str) -> MarketMeaning | None:
    """What one market means, for those who need no other; None if the catalogue does not have it."""
    return load_meaning(_meanings_text(), canonical_id)


@cache
def _meanings_text() -> str:
    return (shipped_catalogue().parent / "meanings.json").read_text(encoding="utf-8")
