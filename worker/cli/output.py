"""The forms in which a command prints a list, alike in every command that prints one.

- `table` is for people, and fits the terminal.
- `json` is one document on stdout. How many rows there are goes to stderr, as one line of JSON:
  ``{"shown": 30, "total": 460}``.
- `csv` is for a spreadsheet. Rows are written as they are read, so memory does not grow with them.
"""

from __future__ import annotations

import json
from typing import Final, Literal, get_args

from worker.cli.console import err, fail
from worker.cli.tables import shown_of

Form = Literal["table", "json", "csv"]
# How long whoever reads the rows of a CSV, such as a pager, may pause.
READER_PATIENCE_S: Final = 300.0
FORMS: Final[tuple[Form, ...]] = get_args(Form)


def chosen_form(
    output: str | None, *, as_json: bool, as_csv: bool = False, forms: tuple[Form, ...] = FORMS
) -> Form:
    """Return the form that the options ask for; two of them, or an unknown one, end the command."""
    asked = [form for form, is_asked in (("json", as_json), ("csv", as_csv)) if is_asked]
    asked += [] if output is None else [output]
    if len(asked) > 1:
        fail("Give one of --output, --json and --csv.", code=2)
    chosen = asked[0] if asked else "table"
    found = next((form for form in forms if form == chosen), None)
    if found is None:
        fail(f"--output is one of {', '.join(forms)}", code=2)
    return found


def say_shown(form: Form, shown: int, total: int, noun: str) -> None:
    """Say how many of all rows were printed, on stderr: for machines under `json`, else for people."""
    if form == "json":
        line = json.dumps({"shown": shown, "total": total})
        err.print(line, markup=False, soft_wrap=True)
    else:
        err.print(shown_of(shown, total, noun))
