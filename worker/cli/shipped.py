"""Where to find the catalogue that comes with the program, and what its markets mean."""

from functools import cache
from pathlib import Path

import worker
from worker.domain.meaning.catalogue import MarketMeaning, load_meanings

FILE_NAME = "markets.json"


def shipped_catalogue() -> Path:
    """The file inside an installed package, or at the top of a checkout."""
    package = Path(worker.__file__).parent
    installed = package / "catalogue_data" / FILE_NAME
    return installed if installed.is_file() else package.parent / "catalogue" / FILE_NAME


@cache
def shipped_meanings() -> dict[str, MarketMeaning]:
    """The meanings next to it, read once: their expressions are compiled."""
    file = shipped_catalogue().parent / "meanings.json"
    return load_meanings(file.read_text(encoding="utf-8"))
