from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from worker.cli import progress
from worker.cli.progress import LateBar, with_bar


@pytest.mark.parametrize(("patience_s", "shown"), [(-1.0, True), (3600.0, False)])
def test_it_shows_itself_only_when_it_takes_long(patience_s: float, shown: bool) -> None:
    progress = Progress(console=Console(file=StringIO(), force_terminal=True))
    bar = LateBar(progress, patience_s)
    try:
        bar("reading", 3, 10)
        assert progress.live.is_started == shown
    finally:
        progress.stop()


def test_a_new_step_begins_anew() -> None:
    progress = Progress(console=Console(file=StringIO(), force_terminal=True))
    bar = LateBar(progress)
    bar("reading", 10, 10)
    bar("redriving", 2, 7)
    (task,) = progress.tasks
    assert (task.description, task.completed, task.total) == ("redriving", 2, 7)


def test_what_is_read_without_a_terminal_has_no_bar_and_is_all_there(tmp_path: Path) -> None:
    file = tmp_path / "records"
    file.write_bytes(b"a\nb\n")
    with file.open("rb") as opened:
        assert list(with_bar(iter([1, 2]), opened, as_lines=True)) == [1, 2]


def test_a_file_that_takes_long_has_a_bar_over_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = StringIO()
    monkeypatch.setattr(progress, "err", Console(file=screen, force_terminal=True, width=100))
    monkeypatch.setattr(progress, "LateBar", partial(LateBar, patience_s=-1.0))
    file = tmp_path / "records"
    file.write_bytes(b"a\nb\n")
    with file.open("rb") as opened:
        assert list(with_bar(iter(opened.readline, b""), opened, as_lines=False)) == [
            b"a\n",
            b"b\n",
        ]
    assert "Reading" in screen.getvalue()
    assert "4/4 bytes" in screen.getvalue()
