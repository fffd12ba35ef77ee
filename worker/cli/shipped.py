"""Where to find the catalogue that comes with the program."""

from pathlib import Path

import worker

FILE_NAME = "markets.json"


def shipped_catalogue() -> Path:
    """The file inside an installed package, or at the top of a checkout."""
    package = Path(worker.__file__).parent
    installed = package / "catalogue_data" / FILE_NAME
    return installed if installed.is_file() else package.parent / "catalogue" / FILE_NAME
