"""Renews the measured parts of a document: what is between `bench:NAME` and `/bench:NAME` in comments."""

from __future__ import annotations

import re
from collections.abc import Mapping


class MarkersMissingError(ValueError):
    """The document has no place for a part."""


def renewed(document: str, parts: Mapping[str, str]) -> str:
    """The document with these parts; all else stays. Raises MarkersMissingError."""
    for name, part in parts.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(document):
            raise MarkersMissingError(
                f"there is no place for {name}: {begin} and {end} are missing"
            )
        text = f"{begin}\n{part}\n{end}"
        document = pattern.sub(lambda _, text=text: text, document)  # type: ignore[misc]  # bound at once
    return document
