"""What holds for every template of the console."""

import re
from pathlib import Path

import pytest

import worker.console

TEMPLATES = sorted(Path(worker.console.__file__).parent.joinpath("templates").glob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_wide_table_scrolls_by_itself_and_never_widens_its_page(template: Path) -> None:
    for table in re.finditer(r"<table\b", text := template.read_text()):
        assert re.search(r'<div class="wide">\s*$', text[: table.start()]), text[table.start() :][
            :80
        ]
