"""The documentation as a site: it builds without a warning, and fetches nothing from elsewhere."""

import asyncio
import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.people.browser import MISSING, rendered
from tests.support.people.documents import blocks, steps

ROOT = Path(__file__).parents[3]
# What a browser fetches by itself, in contrast to a link that a reader follows.
FETCHED = re.compile(
    r"<(?:script|img|iframe)[^>]* src=\"?(https?:[^\" >]+)|<link[^>]* href=\"?(https?:[^\" >]+)"
)

COPIED = re.compile(r' data-copy="([^"]*)"')
SCRIPTS_MS = 20_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_document_has_its_page(site: Path) -> None:
    documents = {
        path.relative_to(ROOT / "docs").with_suffix(".html")
        for path in (ROOT / "docs").rglob("*.md")
    }
    assert documents <= {path.relative_to(site) for path in site.rglob("*.html")}


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert FETCHED.findall(page.read_text(encoding="utf-8")) == []


def test_a_search_in_a_site_that_was_opened_from_a_folder_finds_pages(site: Path) -> None:
    page = in_a_browser(f"{site.as_uri()}/index.html?q=watermark")
    found = re.search(r"(\d+) matching documents", page)
    assert found is not None
    assert int(found[1]) > 5


def test_what_is_copied_of_a_block_are_its_commands(site: Path) -> None:
    document = ROOT / "docs" / "runbook.md"
    page = in_a_browser(f"{site.as_uri()}/runbook.html")
    copied = [html.unescape(text).replace("\\\n", " ") for text in COPIED.findall(page)]
    assert len(copied) == sum(block.language == "console" for block in blocks(document))
    lines = [line.removesuffix("  # exits 1") for text in copied for line in text.split("\n")]
    assert lines == [step.command for step in steps(document)]


def in_a_browser(url: str) -> str:
    page = asyncio.run(rendered(url, scripts_ms=SCRIPTS_MS))
    if page is None:
        pytest.skip(MISSING)
    return page.document
