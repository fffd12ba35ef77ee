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


# Each of them has a label, and is marked when its form is refused: tests/unit/console/test_faults.py.
FIELDS = "fields.html"
INPUT = re.compile(r"<(?:input|select|textarea)\b(?![^>]*type=\"hidden\")")
FORM = re.compile(r"<form\b[^>]*method=\"(\w+)\"[^>]*>(.*?)</form>", re.DOTALL)
LABELLED = re.compile(r"<label\b.*?</label>", re.DOTALL)
# What has no page to be shown again, or no input: the way out, and the dialog of the keys.
WITHOUT_A_PAGE = ('action="/sign-out"', 'action="/sign-in"')


def forms() -> list[tuple[str, str, str]]:
    """Each form of each template: the template, the method, the whole of it."""
    return [
        (template.name, form[1].lower(), form[0])
        for template in TEMPLATES
        for form in FORM.finditer(template.read_text())
    ]


def test_there_are_forms() -> None:
    assert len({name for name, method, _ in forms() if method == "post"}) >= 10


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_input_of_a_form_that_is_sent_can_be_marked(template: Path) -> None:
    if template.name == FIELDS:
        return
    text = template.read_text()
    for name, method, form in forms():
        if name == template.name and method == "get":
            text = text.replace(form, "")
    assert INPUT.findall(text) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_input_of_a_filter_has_a_label(template: Path) -> None:
    for name, method, form in forms():
        if name == template.name and method == "get":
            assert INPUT.findall(LABELLED.sub("", form)) == []


def test_every_form_that_is_sent_says_from_where() -> None:
    for name, method, form in forms():
        if method == "post" and not any(one in form for one in WITHOUT_A_PAGE):
            sent = "sent_from.html" in form or "dead_letters_redrive.html" in form
            assert sent or 'id="selected"' in form, (name, form[:80])
    queue = next(path for path in TEMPLATES if path.name == "queue_rows.html").read_text()
    assert '("here", here)' in queue
