"""Hand-written documents name files and terms that exist."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[3]
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
DOCUMENTS: Final = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "clients" / "python" / "README.md",
]

_FENCED: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_SOURCE_FILE: Final = re.compile(r"[\w-]+\.(?:py|rs)")
_PATH: Final = re.compile(r"[\w.-]+(?:/[\w.*-]+)+/?|[\w-]+/")
_LINK: Final = re.compile(r"\]\(([^)\s]*glossary\.md)#([\w-]+)\)")
_TERM: Final = re.compile(r"^### (.+)$", re.MULTILINE)
# The folders that a path may begin in: the repository, the package, and each of its wings.
_BASES: Final = [ROOT, ROOT / "worker"]
# What is made by a command, so not in the repository.
_MADE: Final = {"dist", "site", ".venv", ".local"}


class Named(NamedTuple):
    """A file or folder that a document names."""

    document: Path
    name: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}: {self.name}"


def spans(document: Path) -> Iterator[str]:
    """The inline code of a document, without its blocks."""
    yield from _SPAN.findall(_FENCED.sub("", document.read_text(encoding="utf-8")))


def named_paths() -> Iterator[Named]:
    """Paths that begin with a folder of ours; topics of Kafka and the like begin with another word."""
    folders = {path.name for base in _BASES for path in base.iterdir() if path.is_dir()} - _MADE
    for document in DOCUMENTS:
        for span in spans(document):
            if _PATH.fullmatch(span) and span.split("/")[0] in folders:
                yield Named(document, span)


def named_source_files() -> Iterator[Named]:
    for document in DOCUMENTS:
        for span in spans(document):
            if _SOURCE_FILE.fullmatch(span):
                yield Named(document, span)


def is_there(path: str) -> bool:
    return any(any(base.glob(path.rstrip("/"))) for base in _BASES)


def anchor(heading: str) -> str:
    """The anchor that the site's generator gives a heading."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def terms() -> list[str]:
    return _TERM.findall(GLOSSARY.read_text(encoding="utf-8"))


def test_every_path_that_a_document_names_exists() -> None:
    assert [str(named) for named in named_paths() if not is_there(named.name)] == []


def test_every_source_file_that_a_document_names_without_its_folder_exists() -> None:
    ours = {
        path.name
        for folder in ("worker", "tests", "schemas", "recall", "alembic", "scripts", "clients")
        for kind in ("*.py", "*.rs")
        for path in (ROOT / folder).rglob(kind)
    }
    assert [str(named) for named in named_source_files() if named.name not in ours] == []


def test_paths_are_found_in_the_map_of_the_architecture() -> None:
    found = {named.name for named in named_paths() if named.document.name == "architecture.md"}
    assert len(found) > 40


def test_a_path_that_is_gone_would_be_found() -> None:
    assert is_there("runtime/index/live.py")
    assert is_there("worker/operations/doctor/")
    assert is_there("operations/doctor/*_verdicts.py")
    assert not is_there("app/runtime.py")
    assert not is_there("operations/doctor/*_opinions.py")


def test_every_link_to_the_glossary_leads_to_a_term() -> None:
    anchors = {anchor(term) for term in terms()}
    links = [
        (str(document.relative_to(ROOT)), target)
        for document in DOCUMENTS
        for path, target in _LINK.findall(document.read_text(encoding="utf-8"))
        if (document.parent / path).resolve() == GLOSSARY
    ]
    assert len(links) > 40
    assert [link for link in links if link[1] not in anchors] == []


def test_a_term_has_one_entry_and_the_entries_are_in_order() -> None:
    counted = Counter(anchor(term) for term in terms())
    assert [term for term, count in counted.items() if count > 1] == []
    assert terms() == sorted(terms(), key=str.casefold)


def test_every_reference_between_terms_leads_to_a_term() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    referred = set(re.findall(r"\]\(#([\w-]+)\)", text))
    assert referred
    assert referred <= {anchor(term) for term in terms()}
